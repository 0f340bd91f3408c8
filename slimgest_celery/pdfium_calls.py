"""PDFium's functions that are called for every line of text and every object of a page. For pdf.py and its parts only.

Made anew from pypdfium2's, so that they take and give plain addresses: a call costs half of one with typed pointers. As
they take about as long as the lock of the interpreter does to change hands, they keep it.
"""

from __future__ import annotations

import ctypes
from ctypes import c_double, c_int
from ctypes import c_void_p as address
from typing import Any

import pypdfium2.raw as raw

Call = Any  # a function of ctypes


def _remade(function: Call, result: Any, *arguments: Any) -> Call:
    return ctypes.PYFUNCTYPE(result, *arguments)(ctypes.cast(function, address).value or 0)


# Of a text page. Where four edges are written, each goes to an address of its own.
count_rects = _remade(raw.FPDFText_CountRects, c_int, address, c_int, c_int)
rect = _remade(raw.FPDFText_GetRect, c_int, address, c_int, *[address] * 4)  # l, t, r, b: doubles
char_box = _remade(raw.FPDFText_GetCharBox, c_int, address, c_int, *[address] * 4)  # l, r, b, t
font_size = _remade(raw.FPDFText_GetFontSize, c_double, address, c_int)
matrix = _remade(raw.FPDFText_GetMatrix, c_int, address, c_int, address)  # six floats
fill_colour = _remade(raw.FPDFText_GetFillColor, c_int, address, c_int, *[address] * 4)  # unsigned
text_object = _remade(raw.FPDFText_GetTextObject, address, address, c_int)
render_mode = _remade(raw.FPDFTextObj_GetTextRenderMode, c_int, address)

# Of a page and its objects.
page_object = _remade(raw.FPDFPage_GetObject, address, address, c_int)
form_object = _remade(raw.FPDFFormObj_GetObject, address, address, ctypes.c_ulong)
count_form_objects = _remade(raw.FPDFFormObj_CountObjects, c_int, address)
kind_of = _remade(raw.FPDFPageObj_GetType, c_int, address)
object_bounds = _remade(raw.FPDFPageObj_GetBounds, c_int, address, *[address] * 4)  # l, b, r, t: floats
object_matrix = _remade(raw.FPDFPageObj_GetMatrix, c_int, address, address)  # six floats
draw_mode = _remade(raw.FPDFPath_GetDrawMode, c_int, address, address, address)  # filled how, stroked: ints
count_segments = _remade(raw.FPDFPath_CountSegments, c_int, address)
segment = _remade(raw.FPDFPath_GetPathSegment, address, address, c_int)
segment_point = _remade(raw.FPDFPathSegment_GetPoint, c_int, address, address, address)  # x, y: floats
segment_kind = _remade(raw.FPDFPathSegment_GetType, c_int, address)
segment_closes = _remade(raw.FPDFPathSegment_GetClose, c_int, address)
picture_data = _remade(raw.FPDFImageObj_GetImageDataRaw, ctypes.c_ulong, address, address, ctypes.c_ulong)
count_filters = _remade(raw.FPDFImageObj_GetImageFilterCount, c_int, address)
filter_name = _remade(raw.FPDFImageObj_GetImageFilter, ctypes.c_ulong, address, c_int, address, ctypes.c_ulong)
set_active = _remade(raw.FPDFPageObj_SetIsActive, c_int, address, c_int)


def address_of(pointer: Any) -> int:
    """Where a typed pointer of pypdfium2's points to."""
    return ctypes.cast(pointer, address).value or 0
