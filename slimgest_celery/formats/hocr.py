"""hOCR 1.2 in XHTML: pages, paragraphs, lines and words with their boxes. kba.github.io/hocr-spec/1.2"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from slimgest_celery.formats.document.pages import DocumentContext
from slimgest_celery.formats.paragraphs import blocks_of, paragraphs_of
from slimgest_celery.formats.xml import block_union, escape, pixels
from slimgest_celery.geometry import PixelWindow
from slimgest_celery.layout.word_boxes import words
from slimgest_celery.models.job import Document
from slimgest_celery.models.page import Block, Page, Paragraph
from slimgest_celery.models.results import FormatOptions

_CAPABILITIES = "ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf"


def head(document: Document, options: FormatOptions, context: DocumentContext) -> str:
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


def page(page: Page) -> Iterator[str]:
    """A page, in parts. A failed page contains its error message."""
    name = f"page_{page.page_number}"
    title = f"bbox 0 0 {page.width} {page.height}; ppageno {page.page_number - 1}"
    yield f'<div class="ocr_page" id="{name}" title="{title}">\n'
    if page.error is not None:
        yield f"<p>{escape(f'{page.error.message} ({page.error.code})')}</p>\n"
    else:
        for number, paragraph in enumerate(paragraphs_of(page), 1):
            yield from _paragraph(page, paragraph, name, number)
    yield "</div>\n"


def foot(document: Document, options: FormatOptions, context: DocumentContext) -> str:
    """Everything after the last page."""
    return "</body>\n</html>\n"


def _paragraph(page: Page, paragraph: Paragraph, name: str, number: int) -> Iterator[str]:
    blocks = blocks_of(page, paragraph)
    if not blocks:
        return
    name = f"{name}_{number}"
    title = _bbox(pixels(block_union(blocks), page))
    yield f'<div class="ocr_carea" id="area_{name}" title="{title}">'
    yield f'<p class="ocr_par" id="par_{name}" title="{title}">\n'
    for line_number, block in enumerate(blocks, 1):
        yield from _line(page, block, f"{name}_{line_number}")
    yield "</p></div>\n"


def _line(page: Page, block: Block, name: str) -> Iterator[str]:
    # The text is turned this many degrees counterclockwise from upright.
    angle = f"; textangle {page.turned}" if page.turned else ""
    confidence = round(100 * block.confidence)
    yield f'<span class="ocr_line" id="line_{name}" title="{_bbox(pixels(block.box, page))}{angle}">'
    for number, word in enumerate(words(block, page.line_turn), 1):
        title = f"{_bbox(pixels(word.box, page))}; x_wconf {confidence}"
        span = f'<span class="ocrx_word" id="word_{name}_{number}" title="{title}">{escape(word.text)}</span>'
        yield f" {span}" if number > 1 else span
    yield "</span>\n"


def _bbox(box: PixelWindow) -> str:
    return "bbox {} {} {} {}".format(*box)
