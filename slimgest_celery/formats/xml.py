"""The common parts of the XML formats and HTML: escaping, and boxes in pixels."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from slimgest_celery.geometry import PageBox, PixelWindow, scale, union
from slimgest_celery.models.page import Block, Page

# Characters that XML 1.0 or HTML do not allow, not even escaped: controls, surrogates and noncharacters.
_NONCHARACTERS = "".join(chr(plane << 16 | last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))
_NOT_ALLOWED = re.compile(
    f"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]|[{_NONCHARACTERS}]"
)


def escape(text: str) -> str:
    """Escape text for an element or an attribute in double quotes. Characters not allowed there become U+FFFD."""
    return html.escape(_NOT_ALLOWED.sub("\ufffd", text))


def pixels(box: PageBox, page: Page) -> PixelWindow:
    """A box in pixels of the page as it was read."""
    left, top, right, bottom = scale(box, page.width, page.height)
    return round(left), round(top), round(right), round(bottom)


def block_union(blocks: Iterable[Block]) -> PageBox:
    """The smallest box around all blocks."""
    return union([block.box for block in blocks])
