"""Text in pieces of bounded size: a page of a result may be larger than all other pages together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

PIECE = 1 << 15  # characters


def in_pieces(parts: Iterable[str]) -> Iterator[bytes]:
    """Yield a text in UTF-8 in pieces of at most `PIECE` characters, made from parts of any length.

    For an empty part, an empty piece is yielded: an opportunity for other work.
    """
    waiting: list[str] = []
    length = 0
    for part in parts:
        if not part:
            yield b""
        for start in range(0, len(part), PIECE):
            cut = part[start : start + PIECE]
            if length + len(cut) > PIECE:
                yield "".join(waiting).encode()
                waiting, length = [], 0
            waiting.append(cut)
            length += len(cut)
    if waiting:
        yield "".join(waiting).encode()


def cut(data: bytes) -> Iterator[bytes]:
    """Yield bytes in pieces of at most `PIECE`."""
    return (data[start : start + PIECE] for start in range(0, len(data), PIECE))
