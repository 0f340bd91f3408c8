"""A page's text in order and upright, from its text layer or from a reading of its image: the same from either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from . import layout
from .engines import normalise
from .layout import Found, Layout
from .orientation import Reading, Stance
from .text_layer import TextLine


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What a page says, and how it was turned to be read."""

    layout: Layout
    turned: int  # degrees clockwise, of the page as displayed


def of_reading(reading: Reading) -> Transcript:
    """The transcript of what an engine read."""
    blocks = normalise(reading.lines, reading.width, reading.height)
    found = [Found(text=block.text, confidence=block.confidence, box=block.box) for block in blocks]
    stance = reading.stance
    place = reading.place if stance.turned or stance.straightened else None
    arranged = layout.arrange(found, width=reading.width, height=reading.height, place=place)
    return Transcript(layout=arranged, turned=stance.turned)


def of_text_layer(lines: Sequence[TextLine], width: float, height: float) -> Transcript:
    """The transcript of a text layer on a page of this size as displayed, in any unit."""
    turned = -_lies(lines) % 360
    if not turned:
        found = [Found(line.text, 1.0, line.box, line.size) for line in lines]
        return Transcript(layout=layout.arrange(found, width=width, height=height), turned=0)
    if turned != 180:
        width, height = height, width
    back = Stance(width=1, height=1, turned=turned)
    forth = Stance(width=1, height=1, turned=360 - turned)
    found = [Found(text=line.text, confidence=1.0, box=forth.restore(line.box, 1, 1), size=line.size) for line in lines]
    arranged = layout.arrange(found, width=width, height=height, place=lambda box: _clean(back.restore(box, 1, 1)))
    return Transcript(layout=arranged, turned=turned)


def _lies(lines: Sequence[TextLine]) -> int:
    """How most of the text lies: degrees clockwise from upright."""
    if not any(line.turned for line in lines):
        return 0
    ways: Counter[int] = Counter()
    for line in lines:
        ways[line.turned] += len(line.text)
    return ways.most_common(1)[0][0]


def _clean(box: layout.Box) -> layout.Box:
    left, top, right, bottom = (round(min(1.0, max(0.0, edge)), 5) for edge in box)
    return left, top, right, bottom
