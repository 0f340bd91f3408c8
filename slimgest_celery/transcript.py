"""A page's text in order and upright, from its text layer or from a reading of its image: the same from either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from . import layout
from .engines import normalise
from .layout import Found, Layout
from .orientation import Reading, Stance
from .text_layer import TextLine, slope_of

# In sizes of type: words this much off one level are of one line, words this far apart are still beside each other.
_LEVEL, _SPACE = 0.5, 0.85


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


def of_text_layer(
    lines: Sequence[TextLine], width: float, height: float, rules: Sequence[layout.Box] = ()
) -> Transcript:
    """The transcript of a text layer on a page of this size as displayed, in any unit, with these lines drawn on it."""
    turned = -_lies(lines) % 360
    if slope := slope_of(lines):
        stance = Stance(width=width, height=height, turned=turned, straightened=slope)
        return _straightened(lines, stance)
    if not turned:
        found = [Found(line.text, 1.0, line.box, line.size) for line in lines]
        return Transcript(layout=layout.arrange(found, width=width, height=height, rules=rules), turned=0)
    if turned != 180:
        width, height = height, width
    back = Stance(width=1, height=1, turned=turned)
    forth = Stance(width=1, height=1, turned=360 - turned)
    found = [Found(text=line.text, confidence=1.0, box=forth.restore(line.box, 1, 1), size=line.size) for line in lines]
    arranged = layout.arrange(found, width=width, height=height, place=lambda box: _clean(back.restore(box, 1, 1)))
    return Transcript(layout=arranged, turned=turned)


def _straightened(lines: Sequence[TextLine], stance: Stance) -> Transcript:
    """The transcript of the words of a page that lies askew."""
    across = stance.turned % 180 == 0
    width, height = (stance.width, stance.height) if across else (stance.height, stance.width)

    def upright(line: TextLine) -> Found:
        box = stance.upright(_times(line.box, stance.width, stance.height), width, height)
        return Found(line.text, 1.0, _over(box, width, height), line.size)

    def place(box: layout.Box) -> layout.Box:
        restored = stance.restore(_times(box, width, height), width, height)
        return _clean(_over(restored, stance.width, stance.height))

    found = _in_lines([upright(line) for line in lines], width, height)
    return Transcript(
        layout=layout.arrange(found, width=width, height=height, place=place),
        turned=stance.turned,
    )


def _in_lines(words: Sequence[Found], width: float, height: float) -> list[Found]:
    """Words joined where they stand beside each other on one level; PDFium gives them in any order."""
    backwards = layout.reads_right_to_left(words)
    rows: list[list[Found]] = []
    for word in sorted(words, key=_level):
        if rows and (_level(word) - _level(rows[-1][0])) * height < _LEVEL * _size(word, height):
            rows[-1].append(word)
        else:
            rows.append([word])
    found: list[Found] = []
    for row in rows:
        begun = len(found)
        for word in sorted(row, key=lambda word: word.box[0], reverse=backwards):
            if len(found) > begun and _gap(found[-1].box, word.box) * width < _SPACE * _size(word, height):
                found[-1] = _joined(found[-1], word)
            else:
                found.append(word)
    return found


def _size(word: Found, height: float) -> float:
    return word.size or (word.box[3] - word.box[1]) * height


def _level(word: Found) -> float:
    return (word.box[1] + word.box[3]) / 2


def _gap(one: layout.Box, other: layout.Box) -> float:
    return max(other[0] - one[2], one[0] - other[2])


def _joined(before: Found, word: Found) -> Found:
    (left, top, right, bottom), (its_left, its_top, its_right, its_bottom) = before.box, word.box
    box = min(left, its_left), min(top, its_top), max(right, its_right), max(bottom, its_bottom)
    return before._replace(text=f"{before.text} {word.text}", box=box)


def _times(box: layout.Box, width: float, height: float) -> layout.Box:
    return box[0] * width, box[1] * height, box[2] * width, box[3] * height


def _over(box: layout.Box, width: float, height: float) -> layout.Box:
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


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
