"""Make a PDF searchable: lay the text of its page records invisibly over its pages. No jobs and no storage here.

- A page whose record was taken from its own text layer stays as it is.
- A page that was read by OCR gets the text of its record. Its own invisible text was not trusted, and is removed.
- A page that could not be read gets a note that gives the reason.

The PDF is untrusted: call this in a process with limits only (pipeline/searchable_pdf_process.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Operator

from slimgest_celery.errors import (
    FormatFailed,
    JobFailure,
    PageFailure,
    PageUnwritable,
    PdfEncrypted,
    PdfWrongPassword,
)
from slimgest_celery.geometry import PageBox, PdfRect, Point, around
from slimgest_celery.layout.word_boxes import is_right_to_left, words
from slimgest_celery.models.page import Block, Page, Source
from slimgest_celery.models.problem import Problem
from slimgest_celery.pdf.document import Pdf, PdfPage, open_pdf
from slimgest_celery.pdf.glyphless_font import ASCENT, DESCENT, WIDTH, GlyphlessFont

_EM = (ASCENT - DESCENT) / 1000
# PDF viewers take characters closer than a tenth of their size for one character that is printed twice.
_MIN_ADVANCE = 0.125
_SHOW_TEXT = {"Tj", "TJ", "'", '"'}
_INVISIBLE = 3
_MAX_FORM_DEPTH = 4  # forms inside forms
_MAX_TREE_DEPTH = 64  # a page tree may contain a cycle
_MEDIA_BOX_MARGIN_PT = 100
_BAD_PAGE = (pikepdf.PdfError, IndexError, ValueError, TypeError, AttributeError, KeyError)
_log = logging.getLogger(__name__)


# --- A document -------------------------------------------------------------------------------------------------------


def make_searchable(
    source: Path,
    password: str | None,
    records: Iterable[Page],
    target: Path,
    has_trusted_text: Callable[[PdfPage], bool],
) -> list[int]:
    """Write the searchable PDF of a source. Return the numbers of the pages that got no text because of an error.

    The result is encrypted if the source is. `has_trusted_text` is asked about pages that were read by OCR although
    they may have a good text layer. Raises `PdfEncrypted`, `PdfWrongPassword` or `FormatFailed`.
    """
    try:
        with pikepdf.open(source, password=password or "") as pdf:
            reader = open_pdf(source, password)
            try:
                failed = list(_overlay_pages(pdf, reader, records, has_trusted_text))
            finally:
                reader.close()
            pdf.save(target, encryption=pdf.is_encrypted)
            return failed
    except pikepdf.PasswordError as error:
        raise (PdfWrongPassword if password else PdfEncrypted) from error
    except (pikepdf.PdfError, JobFailure, OSError, ValueError, RecursionError) as error:
        raise FormatFailed from error


def _overlay_pages(
    pdf: pikepdf.Pdf, reader: Pdf, records: Iterable[Page], has_trusted_text: Callable[[PdfPage], bool]
) -> Iterator[int]:
    """Lay the records over their pages. Yield the numbers of the pages that got no text because of an error."""
    font = GlyphlessFont(pdf)
    for record in records:
        problem = record.error
        if problem is None and record.source == Source.OCR:
            problem = _overlay_page(pdf, reader, record, font, has_trusted_text)
        if problem is not None:
            yield record.page_number
            _add_note(pdf, record.page_number, problem)
    font.finish()


def _overlay_page(
    pdf: pikepdf.Pdf, reader: Pdf, record: Page, font: GlyphlessFont, has_trusted_text: Callable[[PdfPage], bool]
) -> Problem | None:
    try:
        if (record.reason or "").startswith("mode_ocr"):  # its own text was never looked at
            with reader.page(record.page_number) as read_page:
                if has_trusted_text(read_page):  # the same text over it would double every word
                    return None
        page = pdf.pages[record.page_number - 1]
        if not (record.reason or "").startswith("no_text"):
            _remove_invisible_text(pdf, page)
        _add_text(pdf, page, record, font)
    except (PageFailure, *_BAD_PAGE):
        _log.exception("page %s: the text cannot be added to the searchable PDF", record.page_number)
        return Problem.from_error(PageUnwritable())
    return None


def _add_note(pdf: pikepdf.Pdf, page_number: int, problem: Problem) -> None:
    """Add a note in the page's corner with the reason why the page has no text."""
    try:
        page = pdf.pages[page_number - 1]
        x, y = Frame.from_page(page).at(0.02, 0.02)
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
    except _BAD_PAGE:
        _log.exception("page %s: the note cannot be added to the searchable PDF", page_number)


# --- Coordinates ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A page's crop box in its user space, and its rotation for display."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int  # degrees clockwise: 0, 90, 180 or 270

    @classmethod
    def from_page(cls, page: pikepdf.Page) -> Frame:
        """The crop box as far as it is inside the media box: as in PDFium, from which the records come."""
        media, crop = _rect(page.mediabox), _rect(page.cropbox)
        left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
        right, top = min(media[2], crop[2]), min(media[3], crop[3])
        if left >= right or bottom >= top:
            left, bottom, right, top = media
        rotation = int(_inherited(page.obj, "/Rotate", 0)) // 90 % 4 * 90
        return cls(left=left, bottom=bottom, right=right, top=top, rotation=rotation)

    def at(self, across: float, down: float) -> Point:
        """The point in user space that is displayed here, in 0-1 from the left and the top."""
        width, height = self.right - self.left, self.top - self.bottom
        if self.rotation == 90:
            return self.left + down * width, self.bottom + across * height
        if self.rotation == 180:
            return self.right - across * width, self.bottom + down * height
        if self.rotation == 270:
            return self.right - down * width, self.top - across * height
        return self.left + across * width, self.top - down * height


def _rect(array: pikepdf.Object) -> PdfRect:
    """A rectangle of the PDF, which may be given by any two opposite corners."""
    x0, y0, x1, y1 = (float(edge) for edge in array)
    return around(((x0, y0), (x1, y1)))


def _inherited(node: Any, key: str, default: Any) -> Any:
    for _ in range(_MAX_TREE_DEPTH):
        if key in node:
            return node[key]
        if "/Parent" not in node:
            break
        node = node["/Parent"]
    return default


# --- Add invisible text -----------------------------------------------------------------------------------------------


def _add_text(pdf: pikepdf.Pdf, page: pikepdf.Page, record: Page, font: GlyphlessFont) -> None:
    """Add the record's text before the page's own content, which may leave a changed coordinate system behind."""
    content = _content(record.blocks, record.line_turn, Frame.from_page(page), font)
    if not content:
        return
    resources = _own_resources(page)
    form = pdf.make_stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=_form_bounds(page))
    form.Resources = Dictionary(Font=Dictionary(F=font.object))
    forms = Dictionary(resources.get("/XObject", Dictionary()))
    name = next(name for name in (f"/Text{number}" for number in range(len(forms) + 1)) if name not in forms)
    forms[name] = form
    resources.XObject = forms
    page.contents_add(f"q {name} Do Q\n".encode(), prepend=True)


def _content(blocks: Iterable[Block], turned: int, frame: Frame, font: GlyphlessFont) -> bytes:
    """A content stream that shows each word of the blocks invisibly in its box; the font's name in it is `/F`."""
    shown = b"".join(_show_word(box, text, turned, frame, font) for text, box in _words_as_displayed(blocks, turned))
    return b"q BT 3 Tr\n" + shown + b"ET Q\n" if shown else b""


def _words_as_displayed(blocks: Iterable[Block], turned: int) -> Iterator[tuple[str, PageBox]]:
    """Words with their characters from left to right: PDF viewers reverse right-to-left words themselves."""
    for block in blocks:
        for word in words(block, turned):
            yield (word.text[::-1] if is_right_to_left(word.text) else word.text), word.box


def _show_word(box: PageBox, text: str, turned: int, frame: Frame, font: GlyphlessFont) -> bytes:
    left, top, right, bottom = box
    corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
    quarters = {0: 0, 90: 1, 180: 2, 270: 3}[turned]
    # In reading direction: the start of the word, its end, and the point above its start.
    start, end, above = (frame.at(*corners[(corner + quarters) % 4]) for corner in (0, 1, 3))
    along, up = (end[0] - start[0], end[1] - start[1]), (above[0] - start[0], above[1] - start[1])
    length, height = max(hypot(*along), 1e-3), max(hypot(*up), 1e-3)
    size = min(height / _EM, length / len(text) / _MIN_ADVANCE)
    stretch = length / (len(text) * size * WIDTH / 1000)
    baseline = (height - size * _EM) / 2 - size * DESCENT / 1000
    matrix = (
        along[0] / length * stretch,
        along[1] / length * stretch,
        up[0] / height,
        up[1] / height,
        start[0] + up[0] / height * baseline,
        start[1] + up[1] / height * baseline,
    )
    numbers = " ".join(f"{number:.4f}" for number in matrix)
    # The space separates words for programs that look at characters and not at gaps.
    return f"/F {size:.4f} Tf {numbers} Tm <{font.encode(text + ' ').hex()}> Tj\n".encode()


def _form_bounds(page: pikepdf.Page) -> Array:
    """The media box with a margin, for boxes on its edge."""
    left, bottom, right, top = _rect(page.mediabox)
    margin = _MEDIA_BOX_MARGIN_PT
    return Array([left - margin, bottom - margin, right + margin, top + margin])


def _own_resources(page: pikepdf.Page) -> Any:
    """The page's resources as a dictionary that no other page shares."""
    page.obj.Resources = Dictionary(_inherited(page.obj, "/Resources", Dictionary()))
    return page.obj.Resources


# --- Remove invisible text --------------------------------------------------------------------------------------------


def _remove_invisible_text(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    """Remove the invisible text from a page and from the forms on it."""
    resources = _own_resources(page)
    content = _without_invisible_text(pdf, page, resources, _MAX_FORM_DEPTH)
    if content is not None:
        page.obj.Contents = pdf.make_stream(content)


def _without_invisible_text(pdf: pikepdf.Pdf, stream: Any, resources: Any, depth: int) -> bytes | None:
    """The content without its invisible text, or None if it has none."""
    mode, changed = 0, False
    saved_modes: list[int] = []
    kept: list[Any] = []
    for instruction in pikepdf.parse_content_stream(stream):
        operator = str(instruction.operator)
        if operator == "q":
            saved_modes.append(mode)
        elif operator == "Q" and saved_modes:
            mode = saved_modes.pop()
        elif operator == "Tr" and instruction.operands:
            mode = int(instruction.operands[0])
        elif operator == "Do" and depth:
            changed |= _remove_from_form(pdf, resources, str(instruction.operands[0]), depth - 1)
        if operator in _SHOW_TEXT and mode == _INVISIBLE:
            changed = True
            if operator in ("'", '"'):  # these operators also begin a line
                kept.append(pikepdf.ContentStreamInstruction([], Operator("T*")))
            continue
        kept.append(instruction)
    return pikepdf.unparse_content_stream(kept) if changed else None


def _remove_from_form(pdf: pikepdf.Pdf, resources: Any, name: str, depth: int) -> bool:
    """Replace a form by a copy without invisible text. Return False if the form has none."""
    form = resources.get("/XObject", Dictionary()).get(name)
    if form is None or form.get("/Subtype") != Name.Form:
        return False
    inner = Dictionary(form.get("/Resources", Dictionary()))
    content = _without_invisible_text(pdf, form, inner, depth)
    if content is None:
        return False
    entries = {key: value for key, value in form.items() if key not in ("/Length", "/Filter", "/DecodeParms")}
    forms = Dictionary(resources.XObject)
    forms[name] = pdf.make_stream(content, Dictionary({**entries, "/Resources": inner}))
    resources.XObject = forms
    return True
