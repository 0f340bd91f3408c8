"""ALTO 4: pages, text blocks, lines and words with their boxes in pixels, as libraries keep them. www.loc.gov/alto

Only what all of 4.0 to 4.4 know is used.
"""

from __future__ import annotations

from importlib.metadata import version

from ..model import Block, Document, Page, Paragraph
from . import flow
from .words import words
from .xml import Pixels, around, escape, pixels

# A layout must have a page, even of a PDF that could not be opened.
NO_PAGES = '<Page ID="page_0" PHYSICAL_IMG_NR="0" QUALITY="Missing"/>\n'
_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_TAGS = {"heading": ' TAGREFS="heading"', "table": ' TAGREFS="table"', "text": ""}


def head(document: Document) -> str:
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


def page(page: Page) -> str:
    """A page; one that could not be read says why."""
    name = f"page_{page.page_number}"
    size = f'ID="{name}" PHYSICAL_IMG_NR="{page.page_number}" WIDTH="{page.width}" HEIGHT="{page.height}"'
    if page.error is not None:
        why = escape(f"{page.error.message} ({page.error.code})")
        return f'<Page {size} QUALITY="Missing" QUALITY_DETAIL="{why}"/>\n'
    inside = "".join(_block(page, paragraph, name, n) for n, paragraph in enumerate(flow.paragraphs(page), 1))
    space = _place((0, 0, page.width, page.height))
    return f"<Page {size}><PrintSpace {space}>\n{inside}</PrintSpace></Page>\n"


def foot(document: Document) -> str:
    """Everything after the last page."""
    return "</Layout>\n</alto>\n"


def _block(page: Page, paragraph: Paragraph, name: str, number: int) -> str:
    blocks = flow.blocks(page, paragraph)
    if not blocks:
        return ""
    name = f"{name}_{number}"
    # Degrees counterclockwise that the text lies from upright.
    angle = f' ROTATION="{page.turned}"' if page.turned else ""
    lines = "".join(_line(page, block, f"{name}_{n}") for n, block in enumerate(blocks, 1))
    place = _place(pixels(around(blocks), page))
    return f'<TextBlock ID="{name}" {place}{_TAGS[paragraph.kind]}{angle}>\n{lines}</TextBlock>\n'


def _line(page: Page, block: Block, name: str) -> str:
    strings = "<SP/>".join(
        f'<String ID="{name}_{n}" {_place(pixels(word.box, page))} '
        f'CONTENT="{escape(word.text)}" WC="{block.confidence:.3f}"/>'
        for n, word in enumerate(words(block, page.turned), 1)
    )
    return f'<TextLine ID="{name}" {_place(pixels(block.box, page))}>{strings}</TextLine>\n'


def _place(box: Pixels) -> str:
    left, top, right, bottom = box
    return f'HPOS="{left}" VPOS="{top}" WIDTH="{right - left}" HEIGHT="{bottom - top}"'
