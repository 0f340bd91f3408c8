"""An estimate of the number of tokens in which a language model reads a text, without a tokenizer.

A token is four bytes of UTF-8: about four Latin letters, two Cyrillic, Greek, Arabic or Hebrew ones, or one and a third
Chinese characters. The estimate grows with the text, character by character.
"""

from __future__ import annotations

BYTES = 4  # of a token


def estimate_tokens(text: str) -> int:
    """Return the estimated number of tokens of a text; 0 for an empty one."""
    return -(-len(text.encode(errors="replace")) // BYTES)


def fitting_length(text: str, tokens: int) -> int:
    """Return the number of characters at the start of a text that have at most so many tokens."""
    data = text.encode(errors="replace")[: tokens * BYTES]
    return len(data.decode(errors="ignore"))
