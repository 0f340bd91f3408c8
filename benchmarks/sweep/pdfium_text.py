"""A page's text as PDFium gives it, and the part of it that nobody can see: to explain the differences."""

from __future__ import annotations

import ctypes
from contextlib import closing

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

_SCALE = 2.0  # pixels per point
_MAX_PIXELS = 16_000_000
_MIN_CHANGE = 16  # grey levels by which a visible character changes the page


def plain_text(page: pdfium.PdfPage) -> str:
    """Return the text of a page in PDFium's order."""
    with closing(page.get_textpage()) as textpage:
        text: str = textpage.get_text_range(errors="replace")
        return text.replace("\x02", "-").replace("\ufffe", "-")  # PDFium's marks for hyphens at the ends of lines


def unseen_text(page: pdfium.PdfPage) -> str:
    """Return the characters without which the page looks the same: invisible, covered, white, outside the crop box.

    Changes the page: its text is no longer drawn.
    """
    found = []
    with closing(page.get_textpage()) as textpage:
        changed = _change_by_text(page, textpage)
        for index in range(max(0, raw.FPDFText_CountChars(textpage))):
            code = raw.FPDFText_GetUnicode(textpage, index)
            if code <= 0x20 or code > 0x10FFFF or raw.FPDFText_IsGenerated(textpage, index):
                found.append(" ")
            elif not _is_changed(changed, page, textpage, index):
                found.append(chr(code))
    return "".join(found)


def _change_by_text(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage) -> NDArray[np.bool_]:
    """Return the pixels of the page that its text changes."""
    with_text = _grey(page)
    for index in range(max(0, raw.FPDFText_CountChars(textpage))):
        if text_object := raw.FPDFText_GetTextObject(textpage, index):
            raw.FPDFPageObj_SetIsActive(text_object, False)
    changed: NDArray[np.bool_] = np.abs(with_text - _grey(page)) >= _MIN_CHANGE
    return changed


def _grey(page: pdfium.PdfPage) -> NDArray[np.int16]:
    width, height = page.get_size()
    scale = min(_SCALE, (_MAX_PIXELS / max(1.0, width * height)) ** 0.5)
    image: NDArray[np.uint8] = page.render(scale=scale, grayscale=True).to_numpy()
    return image.reshape(image.shape[:2]).astype(np.int16)


def _is_changed(changed: NDArray[np.bool_], page: pdfium.PdfPage, textpage: pdfium.PdfTextPage, index: int) -> bool:
    """Return True if the text changes a pixel where this character is."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    if not raw.FPDFText_GetCharBox(textpage, index, left, right, bottom, top):
        return True
    height, width = changed.shape
    x, y = ctypes.c_int(), ctypes.c_int()
    corners = []
    for corner in ((left, bottom), (right, top)):
        raw.FPDF_PageToDevice(page, 0, 0, width, height, 0, corner[0].value, corner[1].value, x, y)
        corners.append((x.value, y.value))
    (x0, x1), (y0, y1) = (sorted(edges) for edges in zip(*corners, strict=True))
    return bool(changed[max(0, y0) : max(0, y1 + 1), max(0, x0) : max(0, x1 + 1)].any())
