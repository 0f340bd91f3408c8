"""The text of a page by poppler's `pdftotext`, of the part of the page that is displayed: its crop box."""

from __future__ import annotations

import math
import re
import subprocess
from pathlib import Path

_LIMIT_S = 20  # for one page
_BOX = re.compile(r"^Page +\d+ (MediaBox|CropBox): +(\S+) +(\S+) +(\S+) +(\S+)$", re.MULTILINE)
_ROTATION = re.compile(r"^Page +\d+ rot: +(\d+)$", re.MULTILINE)

Box = tuple[float, float, float, float]  # left, bottom, right, top in points


def page_text(path: Path, number: int) -> str:
    """Return the text of a page; "" if poppler fails or takes too long."""
    page = ["-f", str(number), "-l", str(number), str(path)]
    return _run("pdftotext", "-enc", "UTF-8", *_slice(_run("pdfinfo", "-box", *page)), *page, "-")


def _slice(info: str) -> list[str]:
    """Return the options for the part of a page within its crop box; none if the whole page is displayed.

    The option `-cropbox` of `pdftotext` has no effect on plain text.
    """
    boxes: dict[str, Box] = {name: (float(a), float(b), float(c), float(d)) for name, a, b, c, d in _BOX.findall(info)}
    rotation = _ROTATION.search(info)
    if len(boxes) < 2 or not rotation or boxes["MediaBox"] == boxes["CropBox"]:
        return []
    left, top, right, bottom = displayed(boxes["MediaBox"], boxes["CropBox"], int(rotation[1]))
    options = {"x": left, "y": top, "W": right - left, "H": bottom - top}
    return [part for name, value in options.items() for part in (f"-{name}", str(value))]


def displayed(media: Box, crop: Box, rotation: int) -> tuple[int, int, int, int]:
    """Return the crop box from the top left corner of the rotated media box, in whole points: left, top, right, bottom.

    `rotation` is in degrees clockwise.
    """
    left, right = crop[0] - media[0], crop[2] - media[0]
    below, above = crop[1] - media[1], crop[3] - media[1]
    width, height = media[2] - media[0], media[3] - media[1]
    edges = {
        0: (left, height - above, right, height - below),
        90: (below, left, above, right),
        180: (width - right, below, width - left, above),
        270: (height - above, width - right, height - below, width - left),
    }[rotation % 360]
    return max(0, math.floor(edges[0])), max(0, math.floor(edges[1])), math.ceil(edges[2]), math.ceil(edges[3])


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.decode("utf-8", errors="replace")
