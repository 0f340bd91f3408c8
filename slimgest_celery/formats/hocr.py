"""hOCR 1.2: pages, paragraphs, lines and words with their boxes, as XHTML. kba.github.io/hocr-spec/1.2"""

from __future__ import annotations

from importlib.metadata import version

from ..model import Block, Document, Page, Paragraph
from . import flow
from .words import words
from .xml import Pixels, around, escape, pixels

_CAPABILITIES = "ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf"


def head(document: Document) -> str:
    """Everything before the first page."""
    engine = f" ({document.engine.name} {document.engine.version})" if document.engine else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml">\n<head>\n'
        f"<title>{escape(document.filename)}</title>\n"
        '<meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>\n'
        f'<meta name="ocr-system" content="{escape("slimgest " + version("slimgest") + engine)}"/>\n'
        f'<meta name="ocr-capabilities" content="{_CAPABILITIES}"/>\n'
        f'<meta name="ocr-number-of-pages" content="{document.total_pages}"/>\n'
        "</head>\n<body>\n"
    )


def page(page: Page) -> str:
    """A page; one that could not be read says why."""
    name = f"page_{page.page_number}"
    title = f"bbox 0 0 {page.width} {page.height}; ppageno {page.page_number - 1}"
    if page.error is not None:
        inside = f"<p>{escape(f'{page.error.message} ({page.error.code})')}</p>\n"
    else:
        inside = "".join(_paragraph(page, paragraph, name, n) for n, paragraph in enumerate(flow.paragraphs(page), 1))
    return f'<div class="ocr_page" id="{name}" title="{title}">\n{inside}</div>\n'


def foot(document: Document) -> str:
    """Everything after the last page."""
    return "</body>\n</html>\n"


def _paragraph(page: Page, paragraph: Paragraph, name: str, number: int) -> str:
    blocks = flow.blocks(page, paragraph)
    if not blocks:
        return ""
    name = f"{name}_{number}"
    title = _bbox(pixels(around(blocks), page))
    lines = "".join(_line(page, block, f"{name}_{n}") for n, block in enumerate(blocks, 1))
    area = f'<div class="ocr_carea" id="area_{name}" title="{title}">'
    return f'{area}<p class="ocr_par" id="par_{name}" title="{title}">\n{lines}</p></div>\n'


def _line(page: Page, block: Block, name: str) -> str:
    # Degrees counterclockwise that the text lies from upright.
    angle = f"; textangle {page.turned}" if page.turned else ""
    confidence = round(100 * block.confidence)
    inside = " ".join(
        f'<span class="ocrx_word" id="word_{name}_{n}" title="{_bbox(pixels(word.box, page))}; x_wconf {confidence}">'
        f"{escape(word.text)}</span>"
        for n, word in enumerate(words(block, page.turned), 1)
    )
    return f'<span class="ocr_line" id="line_{name}" title="{_bbox(pixels(block.box, page))}{angle}">{inside}</span>\n'


def _bbox(box: Pixels) -> str:
    return "bbox {} {} {} {}".format(*box)
