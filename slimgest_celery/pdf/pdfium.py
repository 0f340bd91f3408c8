"""The PDFium functions that are called for every line of text and every object of a page. For pdf/ only.

They are made from pypdfium2's, but take and return plain addresses: this halves the cost of a call with typed
pointers. They keep the interpreter's lock, because a call takes about as long as releasing the lock does.
The names are PDFium's. A comment gives the order of the values that a function writes, each to its own address.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Sequence
from ctypes import c_double, c_int
from ctypes import c_void_p as address
from itertools import repeat
from typing import Any

import numpy as np
import pypdfium2.raw as raw
from numpy.typing import NDArray

Function = Any  # a function of ctypes


def _with_addresses(function: Function, result: Any, *arguments: Any) -> Function:
    return ctypes.PYFUNCTYPE(result, *arguments)(ctypes.cast(function, address).value or 0)


# Of a text page.
count_rects = _with_addresses(raw.FPDFText_CountRects, c_int, address, c_int, c_int)
get_rect = _with_addresses(raw.FPDFText_GetRect, c_int, address, c_int, *[address] * 4)  # l, t, r, b: doubles
get_unicode = _with_addresses(raw.FPDFText_GetUnicode, ctypes.c_uint, address, c_int)
get_char_box = _with_addresses(raw.FPDFText_GetCharBox, c_int, address, c_int, *[address] * 4)  # l, r, b, t: doubles
get_loose_char_box = _with_addresses(raw.FPDFText_GetLooseCharBox, c_int, address, c_int, address)  # l, t, r, b: floats
is_generated = _with_addresses(raw.FPDFText_IsGenerated, c_int, address, c_int)  # 1 for a space that PDFium has added
get_font_size = _with_addresses(raw.FPDFText_GetFontSize, c_double, address, c_int)
get_char_matrix = _with_addresses(raw.FPDFText_GetMatrix, c_int, address, c_int, address)  # six floats
get_fill_colour = _with_addresses(raw.FPDFText_GetFillColor, c_int, address, c_int, *[address] * 4)  # r, g, b, a
get_text_object = _with_addresses(raw.FPDFText_GetTextObject, address, address, c_int)
has_map_error = _with_addresses(raw.FPDFText_HasUnicodeMapError, c_int, address, c_int)  # 1: yes
get_font = _with_addresses(raw.FPDFTextObj_GetFont, address, address)
get_font_name = _with_addresses(raw.FPDFFont_GetBaseFontName, ctypes.c_size_t, address, address, ctypes.c_size_t)
get_font_flags = _with_addresses(raw.FPDFFont_GetFlags, c_int, address)
is_font_embedded = _with_addresses(raw.FPDFFont_GetIsEmbedded, c_int, address)
get_font_data = _with_addresses(  # size: a size_t
    raw.FPDFFont_GetFontData, c_int, address, address, ctypes.c_size_t, address
)
get_render_mode = _with_addresses(raw.FPDFTextObj_GetTextRenderMode, c_int, address)

# Of a page and its objects.
get_page_object = _with_addresses(raw.FPDFPage_GetObject, address, address, c_int)
get_form_object = _with_addresses(raw.FPDFFormObj_GetObject, address, address, ctypes.c_ulong)
count_form_objects = _with_addresses(raw.FPDFFormObj_CountObjects, c_int, address)
get_object_type = _with_addresses(raw.FPDFPageObj_GetType, c_int, address)
get_object_bounds = _with_addresses(raw.FPDFPageObj_GetBounds, c_int, address, *[address] * 4)  # l, b, r, t: floats
get_object_matrix = _with_addresses(raw.FPDFPageObj_GetMatrix, c_int, address, address)  # six floats
get_draw_mode = _with_addresses(raw.FPDFPath_GetDrawMode, c_int, address, address, address)  # fill mode, stroke: ints
count_segments = _with_addresses(raw.FPDFPath_CountSegments, c_int, address)
get_segment = _with_addresses(raw.FPDFPath_GetPathSegment, address, address, c_int)
get_segment_point = _with_addresses(raw.FPDFPathSegment_GetPoint, c_int, address, address, address)  # x, y: floats
get_segment_type = _with_addresses(raw.FPDFPathSegment_GetType, c_int, address)
closes_path = _with_addresses(raw.FPDFPathSegment_GetClose, c_int, address)
get_image_data = _with_addresses(raw.FPDFImageObj_GetImageDataRaw, ctypes.c_ulong, address, address, ctypes.c_ulong)
count_filters = _with_addresses(raw.FPDFImageObj_GetImageFilterCount, c_int, address)
get_filter = _with_addresses(raw.FPDFImageObj_GetImageFilter, ctypes.c_ulong, address, c_int, address, ctypes.c_ulong)
set_active = _with_addresses(raw.FPDFPageObj_SetIsActive, c_int, address, c_int)


def address_of(pointer: Any) -> int:
    """The address in a typed pointer of pypdfium2's."""
    return ctypes.cast(pointer, address).value or 0


def read_units(textpage: object, count: int) -> NDArray[np.uint16]:
    """The first `count` characters of a text page in UTF-16: one or two units each, or none for an unknown one."""
    if not count:
        return np.zeros(0, dtype=np.uint16)
    buffer = np.empty(2 * count + 1, dtype=np.uint16)  # PDFium adds a zero at the end
    into = ctypes.cast(buffer.ctypes.data, ctypes.POINTER(ctypes.c_ushort))
    written = raw.FPDFText_GetText(textpage, 0, count, into)
    return buffer[: max(written - 1, 0)]


def read_edges(function: Function, page: int, indices: Sequence[int], order: Sequence[int]) -> NDArray[np.float64]:
    """The four edges that a function writes for each index; `order`: the column of each of its arguments."""
    found = np.zeros((len(indices), 4))
    start, size = found.ctypes.data, found.itemsize
    edges = (range(start + size * edge, start + size * edge + found.nbytes, 4 * size) for edge in order)
    deque(map(function, repeat(page), indices, *edges), maxlen=0)
    return found
