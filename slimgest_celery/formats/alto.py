"""ALTO 4, the format of libraries: pages, text blocks, lines and words with their boxes in pixels. www.loc.gov/alto

Only elements and attributes that all versions from 4.0 to 4.4 have are used.
"""

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

# ALTO requires a page, even if the PDF could not be opened.
NO_PAGES = '<Page ID="page_0" PHYSICAL_IMG_NR="0" QUALITY="Missing"/>\n'
_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_TAGS = {"heading": ' TAGREFS="heading"', "table": ' TAGREFS="table"', "text": ""}


def head(document: Document, options: FormatOptions, context: DocumentContext) -> str:
    """Everything before the first page."""
    engine = f"; OCR by {document.engine.name} {document.engine.version}" if document.engine else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<alto xmlns="{_NAMESPACE}" SCHEMAVERSION="4.4">\n<Description>\n'
        "<MeasurementUnit>pixel</MeasurementUnit>\n<sourceImageInformation>"
        f"<fileName>{escape(document.filename)}</fileName></sourceImageInformation>\n"
        '<Processing ID="slimgest">'
        f"<processingDateTime>{(document.completed_at or document.created_at).isoformat()}</processingDateTime>"
        f"<processingStepDescription>{escape('read by slimgest' + engine)}</processingStepDescription>"
        "<processingSoftware><softwareName>slimgest</softwareName>"
        f"<softwareVersion>{escape(version('slimgest'))}</softwareVersion></processingSoftware></Processing>\n"
        '</Description>\n<Tags><StructureTag ID="heading" LABEL="heading"/>'
        '<StructureTag ID="table" LABEL="table"/></Tags>\n<Layout>\n'
    )


def page(page: Page) -> Iterator[str]:
    """A page, in parts. A failed page contains its error message."""
    name = f"page_{page.page_number}"
    size = f'ID="{name}" PHYSICAL_IMG_NR="{page.page_number}" WIDTH="{page.width}" HEIGHT="{page.height}"'
    if page.error is not None:
        why = escape(f"{page.error.message} ({page.error.code})")
        yield f'<Page {size} QUALITY="Missing" QUALITY_DETAIL="{why}"/>\n'
        return
    yield f"<Page {size}><PrintSpace {_position((0, 0, page.width, page.height))}>\n"
    for number, paragraph in enumerate(paragraphs_of(page), 1):
        yield from _block(page, paragraph, name, number)
    yield "</PrintSpace></Page>\n"


def foot(document: Document, options: FormatOptions, context: DocumentContext) -> str:
    """Everything after the last page."""
    return "</Layout>\n</alto>\n"


def _block(page: Page, paragraph: Paragraph, name: str, number: int) -> Iterator[str]:
    blocks = blocks_of(page, paragraph)
    if not blocks:
        return
    name = f"{name}_{number}"
    # The text is turned this many degrees counterclockwise from upright.
    angle = f' ROTATION="{page.turned}"' if page.turned else ""
    place = _position(pixels(block_union(blocks), page))
    yield f'<TextBlock ID="{name}" {place}{_TAGS[paragraph.kind]}{angle}>\n'
    for line_number, block in enumerate(blocks, 1):
        yield from _line(page, block, f"{name}_{line_number}")
    yield "</TextBlock>\n"


def _line(page: Page, block: Block, name: str) -> Iterator[str]:
    yield f'<TextLine ID="{name}" {_position(pixels(block.box, page))}>'
    for number, word in enumerate(words(block, page.line_turn), 1):
        place, space = _position(pixels(word.box, page)), "<SP/>" if number > 1 else ""
        yield f'{space}<String ID="{name}_{number}" {place} CONTENT="{escape(word.text)}" WC="{block.confidence:.3f}"/>'
    yield "</TextLine>\n"


def _position(box: PixelWindow) -> str:
    left, top, right, bottom = box
    return f'HPOS="{left}" VPOS="{top}" WIDTH="{right - left}" HEIGHT="{bottom - top}"'
