"""The text that other PDF tools find in a PDF."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from html import unescape
from pathlib import Path

import pypdfium2 as pdfium
import pytest

Box = tuple[float, float, float, float]  # left, top, right, bottom in 0-1 of the page as displayed
_WORD = re.compile(r'<word xMin="(.+?)" yMin="(.+?)" xMax="(.+?)" yMax="(.+?)">(.*?)</word>')
_PAGE = re.compile(r'<page width="(.+?)" height="(.+?)">(.*?)</page>', re.DOTALL)

needs_tools = pytest.mark.skipif(
    not all(map(shutil.which, ("pdftotext", "qpdf", "gs"))),
    reason="poppler-utils, qpdf and ghostscript are not installed (apt install poppler-utils qpdf ghostscript)",
)


def _said(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def words(pdf: Path, password: str = "") -> list[list[tuple[str, Box]]]:
    """Return the words of each page and their boxes, as found by poppler."""
    unlock = ("-upw", password) if password else ()
    # Poppler gives the size of the page before its rotation, but boxes after it.
    said = _said("pdftotext", "-bbox", "-cropbox", *unlock, pdf, "-")
    pages = []
    with pdfium.PdfDocument(pdf, password=password or None) as document:
        for index, (_, _, content) in enumerate(_PAGE.findall(said)):
            unit = _user_unit(pdf, index, password)
            width, height = (side / unit for side in document[index].get_size())
            found = []
            for *edges, text in _WORD.findall(content):
                left, top, right, bottom = map(float, edges)
                found.append((unescape(text), (left / width, top / height, right / width, bottom / height)))
            pages.append(found)
    return pages


def text(pdf: Path) -> str:
    """Return the text as given by poppler, without marks of direction."""
    return re.sub("[\u200e\u200f\u202a-\u202e]", "", _said("pdftotext", pdf, "-"))


def _user_unit(pdf: Path, index: int, password: str) -> float:
    """Return the rotation of a page: the sizes of PDFium include it, those of poppler do not."""
    import pikepdf

    with pikepdf.open(pdf, password=password) as document:
        return float(document.pages[index].obj.get("/UserUnit", 1))


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    common = max(wide, 0) * max(high, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return common / max(sum(areas) - common, 1e-12)


def alike(found: Iterable[str], expected: Iterable[str]) -> float:
    """Return the similarity of two bags of words, 0-1."""
    ours, theirs = Counter(found), Counter(expected)
    return 2 * (ours & theirs).total() / max(1, ours.total() + theirs.total())


def check_opens(pdf: Path, password: str = "") -> None:
    """Fail unless PDFium, qpdf and Ghostscript open the file without a warning."""
    with pdfium.PdfDocument(pdf, password=password or None) as document:
        for page in document:
            page.render(scale=0.2)
    unlock = (f"--password={password}",) if password else ()
    assert "No syntax or stream encoding errors" in _said("qpdf", *unlock, "--check", pdf)
    secret = (f"-sPDFPassword={password}",) if password else ()
    assert _said("gs", "-q", "-dSAFER", "-dNOPAUSE", "-dBATCH", "-sDEVICE=nullpage", *secret, pdf) == ""
