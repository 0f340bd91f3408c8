"""Divide a text that is too long for a chunk: at the end of a sentence, otherwise between words, otherwise anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slimgest_celery.formats.chunks.tokens import estimate_tokens, fitting_length

_SENTENCE_END = re.compile(r"[.!?…:;][\"'”’»)\]]*\s+|[。！？；]")
_SPACE = re.compile(r"\s+")


def split_text(text: str, first: int, rest: int) -> Iterator[str]:
    """Yield the parts of a text: the first one of at most `first` tokens, all others of at most `rest`.

    The parts joined are the text.
    """
    most = first
    while estimate_tokens(text) > most:
        end = _last_end(text, max(1, fitting_length(text, most)))
        yield text[:end]
        text, most = text[end:], rest
    if text:
        yield text


def end_of(text: str, tokens: int) -> str:
    """Return the end of a text with at most so many tokens: whole sentences if any fit, otherwise whole words."""
    if estimate_tokens(text) <= tokens:
        return text
    start = len(text) - fitting_length(text[::-1], tokens)
    for pattern in (_SENTENCE_END, _SPACE):
        begun = pattern.search(text, max(0, start - 1))
        if begun and text[begun.end() :].strip():
            return text[begun.end() :]
    return text[start:]


def _last_end(text: str, most: int) -> int:
    """Return the end of the last sentence, or of the last word, in the first `most` characters."""
    for pattern, least in ((_SENTENCE_END, most // 2), (_SPACE, 0)):
        ends = [match.end() for match in pattern.finditer(text, 0, most) if match.end() > least]
        if ends:
            return ends[-1]
    return most
