"""The text of pictures that were read before, so that a logo on each page of a document is read once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from slimgest_celery.geometry import PageBox, clip, scale, to_fractions
from slimgest_celery.layout.analysis import DetectedLine

_MEMORY = 500  # pictures


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of a page: an image, or several that touch each other."""

    box: PageBox
    number: int  # on its page, from 1
    key: tuple[float, ...]  # the same for equal pictures at one resolution


class PictureMemory:
    """The lines of pictures that were read before, with boxes in 0-1 of the picture. One for each worker process."""

    def __init__(self) -> None:
        self._lines: dict[tuple[float, ...], list[DetectedLine]] = {}
        self._lock = threading.Lock()  # pages are prepared while an engine reads others

    def find(self, picture: Picture) -> list[DetectedLine] | None:
        """Return the lines of this picture, with boxes of the page; None if it was not read before."""
        lines = self._lines.get(picture.key)
        return lines and [_place(line, picture) for line in lines]

    def store(self, picture: Picture, lines: Sequence[DetectedLine]) -> None:
        """Store the lines of a picture, with boxes of the page."""
        left, top, right, bottom = picture.box
        size = right - left, bottom - top
        boxes = [to_fractions((x0 - left, y0 - top, x1 - left, y1 - top), *size) for x0, y0, x1, y1 in _boxes(lines)]
        with self._lock:
            if len(self._lines) >= _MEMORY:
                del self._lines[next(iter(self._lines))]
            self._lines[picture.key] = [line._replace(box=box) for line, box in zip(lines, boxes, strict=True)]


def _place(line: DetectedLine, picture: Picture) -> DetectedLine:
    left, top, right, bottom = picture.box
    x0, y0, x1, y1 = scale(line.box, right - left, bottom - top)
    return line._replace(box=clip((left + x0, top + y0, left + x1, top + y1)), picture=picture.number)


def _boxes(lines: Sequence[DetectedLine]) -> list[PageBox]:
    return [line.box for line in lines]
