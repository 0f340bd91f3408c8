"""What formats in XML share."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from ..model import Block, Page

# What XML 1.0 holds in no form, not even escaped.
_IMPOSSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Pixels = tuple[int, int, int, int]  # left, top, right, bottom on the page as it was read


def escape(text: str) -> str:
    """Text for an element or an attribute in double quotes; what cannot stand there is U+FFFD."""
    return html.escape(_IMPOSSIBLE.sub("\ufffd", text))


def pixels(box: tuple[float, float, float, float], page: Page) -> Pixels:
    """A box in pixels."""
    left, top, right, bottom = box
    return (
        round(left * page.width),
        round(top * page.height),
        round(right * page.width),
        round(bottom * page.height),
    )


def around(blocks: Iterable[Block]) -> tuple[float, float, float, float]:
    """The box that holds all of them."""
    lefts, tops, rights, bottoms = zip(*(block.box for block in blocks), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
