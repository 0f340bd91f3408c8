"""The original PDF with what was read laid invisibly over its pages, so that readers find and copy it.

Run as `python -m slimgest_celery.searchable JOB_ID OUTPUT LIMIT_MB PARENT`, in a process of its own that exports.py
limits: it opens a stranger's PDF. Standard input brings its password as JSON, standard output takes a `Problem`.

Pages whose text was taken from their text layer stay as they are. From pages that were read by OCR, invisible text is
taken away, for it was not trusted. A page that could not be read bears a note that says why.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Operator

from . import trust
from .config import Settings
from .errors import (
    FormatFailed,
    JobFailure,
    PageFailure,
    PageUnwritable,
    PdfEncrypted,
    PdfWrongPassword,
    SlimgestError,
)
from .files import JobFiles
from .formats.words import is_right_to_left, words
from .glyphless import ASCENT, DESCENT, WIDTH, GlyphlessFont
from .model import Block, Page, Problem, Source
from .parent import end_with_parent
from .pdf import Pdf, open_pdf

Point = tuple[float, float]

_OWN_MB = 1024  # address space of Python and its libraries themselves
_EM = (ASCENT - DESCENT) / 1000
# Readers take letters that stand closer than a tenth of their size for one that is printed twice.
_CLOSEST = 0.125
_SHOWN = {"Tj", "TJ", "'", '"'}
_INVISIBLE = 3
_NESTED = 4  # forms in forms that are looked into
_log = logging.getLogger(__name__)


# --- Where things stand -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A page's crop box in its user space, and how it is turned for display."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int  # degrees clockwise: 0, 90, 180 or 270

    @classmethod
    def of(cls, page: pikepdf.Page) -> Frame:
        """As PDFium has it, which made the records: the crop box as far as it is on the media box."""
        media, crop = _box(page.mediabox), _box(page.cropbox)
        left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
        right, top = min(media[2], crop[2]), min(media[3], crop[3])
        if left >= right or bottom >= top:
            left, bottom, right, top = media
        rotation = int(_inherited(page.obj, "/Rotate", 0)) // 90 % 4 * 90
        return cls(left=left, bottom=bottom, right=right, top=top, rotation=rotation)

    def at(self, across: float, down: float) -> Point:
        """The point in user space that is displayed here, in 0-1 from the left and the top."""
        wide, high = self.right - self.left, self.top - self.bottom
        if self.rotation == 90:
            return self.left + down * wide, self.bottom + across * high
        if self.rotation == 180:
            return self.right - across * wide, self.bottom + down * high
        if self.rotation == 270:
            return self.right - down * wide, self.top - across * high
        return self.left + across * wide, self.top - down * high


def _box(box: pikepdf.Object) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(edge) for edge in box)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _inherited(node: Any, key: str, default: Any) -> Any:
    for _ in range(64):  # a tree of pages that runs in circles is not followed for ever
        if key in node:
            return node[key]
        if "/Parent" not in node:
            break
        node = node["/Parent"]
    return default


# --- Text laid over a page --------------------------------------------------------------------------------------------


def layer(blocks: Iterable[Block], turned: int, frame: Frame, font: GlyphlessFont) -> bytes:
    """Content that shows these blocks' words, invisibly, each in its box; the font is `/F` there."""
    shown = b"".join(_word(box, text, turned, frame, font) for text, box in _placed(blocks, turned))
    return b"q BT 3 Tr\n" + shown + b"ET Q\n" if shown else b""


def _placed(blocks: Iterable[Block], turned: int) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    for block in blocks:
        for word in words(block, turned):
            # Readers expect letters as they stand, from left to right, and turn them round themselves.
            yield (word.text[::-1] if is_right_to_left(word.text) else word.text), word.box


def _word(box: tuple[float, float, float, float], text: str, turned: int, frame: Frame, font: GlyphlessFont) -> bytes:
    left, top, right, bottom = box
    # Where the word begins, where it ends, and what is above its beginning, as it is read.
    corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
    quarter = {0: 0, 90: 1, 180: 2, 270: 3}[turned]
    start, end, above = (frame.at(*corners[(place + quarter) % 4]) for place in (0, 1, 3))
    along, up = (end[0] - start[0], end[1] - start[1]), (above[0] - start[0], above[1] - start[1])
    long, high = max(hypot(*along), 1e-3), max(hypot(*up), 1e-3)
    size = min(high / _EM, long / len(text) / _CLOSEST)
    stretch = long / (len(text) * size * WIDTH / 1000)
    lift = (high - size * _EM) / 2 - size * DESCENT / 1000
    matrix = (
        along[0] / long * stretch,
        along[1] / long * stretch,
        up[0] / high,
        up[1] / high,
        start[0] + up[0] / high * lift,
        start[1] + up[1] / high * lift,
    )
    numbers = " ".join(f"{number:.4f}" for number in matrix)
    # The space divides words for those who go by letters and not by gaps.
    return f"/F {size:.4f} Tf {numbers} Tm <{font.encode(text + ' ').hex()}> Tj\n".encode()


def cover(pdf: pikepdf.Pdf, page: pikepdf.Page, record: Page, font: GlyphlessFont) -> None:
    """Lays what was read over a page, under all else: what a page leaves behind may turn and shift what follows."""
    content = layer(record.blocks, record.turned, Frame.of(page), font)
    if not content:
        return
    resources = _own_resources(page)
    form = pdf.make_stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=_endless(page))
    form.Resources = Dictionary(Font=Dictionary(F=font.object))
    forms = Dictionary(resources.get("/XObject", Dictionary()))
    name = next(name for name in (f"/Text{number}" for number in range(len(forms) + 1)) if name not in forms)
    forms[name] = form
    resources.XObject = forms
    page.contents_add(f"q {name} Do Q\n".encode(), prepend=True)


def _endless(page: pikepdf.Page) -> Array:
    """The media box, and a little more for boxes on its edge."""
    left, bottom, right, top = _box(page.mediabox)
    return Array([left - 100, bottom - 100, right + 100, top + 100])


def _own_resources(page: pikepdf.Page) -> Any:
    """The page's resources as a dictionary that no other page shares."""
    page.obj.Resources = Dictionary(_inherited(page.obj, "/Resources", Dictionary()))
    return page.obj.Resources


# --- Invisible text taken away ----------------------------------------------------------------------------------------


def strip(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    """Takes the invisible text out of a page and of the forms that it shows."""
    resources = _own_resources(page)
    content = _stripped(pdf, page, resources, _NESTED)
    if content is not None:
        page.obj.Contents = pdf.make_stream(content)


def _stripped(pdf: pikepdf.Pdf, stream: Any, resources: Any, depth: int) -> bytes | None:
    """The content without what it shows invisibly, or None where that is nothing."""
    mode, changed = 0, False
    kept_modes: list[int] = []
    kept: list[Any] = []
    for instruction in pikepdf.parse_content_stream(stream):
        operator = str(instruction.operator)
        if operator == "q":
            kept_modes.append(mode)
        elif operator == "Q" and kept_modes:
            mode = kept_modes.pop()
        elif operator == "Tr" and instruction.operands:
            mode = int(instruction.operands[0])
        elif operator == "Do" and depth:
            changed |= _strip_form(pdf, resources, str(instruction.operands[0]), depth - 1)
        if operator in _SHOWN and mode == _INVISIBLE:
            changed = True
            if operator in ("'", '"'):  # which begin a line, too
                kept.append(pikepdf.ContentStreamInstruction([], Operator("T*")))
            continue
        kept.append(instruction)
    return pikepdf.unparse_content_stream(kept) if changed else None


def _strip_form(pdf: pikepdf.Pdf, resources: Any, name: str, depth: int) -> bool:
    """Puts a stripped copy in a form's place; whether there was anything to strip."""
    form = resources.get("/XObject", Dictionary()).get(name)
    if form is None or form.get("/Subtype") != Name.Form:
        return False
    inner = Dictionary(form.get("/Resources", Dictionary()))
    content = _stripped(pdf, form, inner, depth)
    if content is None:
        return False
    entries = {key: value for key, value in form.items() if key not in ("/Length", "/Filter", "/DecodeParms")}
    forms = Dictionary(resources.XObject)
    forms[name] = pdf.make_stream(content, Dictionary({**entries, "/Resources": inner}))
    resources.XObject = forms
    return True


# --- A document -------------------------------------------------------------------------------------------------------


def make(source: Path, password: str | None, records: Iterable[Page], target: Path) -> list[int]:
    """Writes the searchable PDF of a source and returns the pages that have no text for a fault of theirs.

    Encrypted as the source is. Raises `PdfEncrypted`, `PdfWrongPassword` or `FormatFailed`.
    """
    try:
        with pikepdf.open(source, password=password or "") as pdf:
            reader = open_pdf(source, password)
            try:
                missed = list(_missed(pdf, reader, records))
            finally:
                reader.close()
            pdf.save(target, encryption=pdf.is_encrypted)
            return missed
    except pikepdf.PasswordError as error:
        raise (PdfWrongPassword if password else PdfEncrypted) from error
    except (pikepdf.PdfError, JobFailure, OSError, ValueError, RecursionError) as error:
        raise FormatFailed from error


def _missed(pdf: pikepdf.Pdf, reader: Pdf, records: Iterable[Page]) -> Iterator[int]:
    """Lays the records over their pages; yields the numbers of those that have none of their text."""
    font = GlyphlessFont(pdf)
    for record in records:
        problem = record.error
        if problem is None and record.source == Source.OCR:
            problem = _laid(pdf, reader, record, font)
        if problem is not None:
            yield record.page_number
            _note(pdf, record.page_number, problem)
    font.finish()


def _laid(pdf: pikepdf.Pdf, reader: Pdf, record: Page, font: GlyphlessFont) -> Problem | None:
    try:
        if _keeps_its_text(reader, record):
            return None
        page = pdf.pages[record.page_number - 1]
        if not (record.reason or "").startswith("no_text"):
            strip(pdf, page)
        cover(pdf, page, record, font)
    except (PageFailure, pikepdf.PdfError, IndexError, ValueError, TypeError, AttributeError, KeyError):
        _log.exception("page %s cannot be covered", record.page_number)
        return Problem.of(PageUnwritable())
    return None


def _keeps_its_text(reader: Pdf, record: Page) -> bool:
    """Whether the page has text to be trusted that was not asked for: to lay the same over it would double it."""
    if not (record.reason or "").startswith("mode_ocr"):
        return False
    with reader.page(record.page_number) as page:
        return trust.weigh(page.text_lines(), page.picture_cover()).trusted


def _note(pdf: pikepdf.Pdf, page_number: int, problem: Problem) -> None:
    """A note in the page's corner that says why it has no text."""
    try:
        page = pdf.pages[page_number - 1]
        x, y = Frame.of(page).at(0.02, 0.02)
        note = Dictionary(
            Type=Name.Annot,
            Subtype=Name.Text,
            Rect=Array([x, y - 20, x + 20, y]),
            Contents=f"{problem.message} ({problem.code})",
            Name=Name.Note,
            T="slimgest",
        )
        notes = list(page.obj.get("/Annots", Array()))
        page.obj.Annots = Array([*notes, pdf.make_indirect(note)])
    except (pikepdf.PdfError, IndexError, ValueError, TypeError, AttributeError, KeyError):
        _log.exception("page %s cannot be annotated", page_number)


def main() -> None:
    """Limits itself, then makes one document."""
    job_id, target, limit_mb, parent = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:  # it died before this one asked to be told
        return
    limit_bytes = (limit_mb + _OWN_MB) << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    files = JobFiles(Settings.from_env().storage_url)
    try:
        with files.source(job_id) as source:
            missed = make(source, json.load(sys.stdin), files.each_page(job_id), target)
        _log.info("pages without text: %s", missed)
    except MemoryError:
        print(Problem.of(FormatFailed("It needed more memory than SLIMGEST_MAX_WORKER_MB.")).model_dump_json())
    except SlimgestError as error:
        print(Problem.of(error).model_dump_json())


if __name__ == "__main__":
    main()
