"""The record of a page: its text, blocks and paragraphs, or the reason why it failed."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from slimgest_client.models.problem import Problem
from slimgest_client.models.record import Fraction, Record
from slimgest_client.models.warning import PageWarning

VERTICAL_TURN = 270  # degrees clockwise by which a page with vertical lines is turned: they then run from left to right


class Source(StrEnum):
    """The source of a page's text."""

    TEXT_LAYER = "text_layer"
    OCR = "ocr"


class BlockSource(StrEnum):
    """The source of a block's text."""

    TEXT_LAYER = "text_layer"
    OCR = "ocr"
    FORM_FIELD = "form_field"
    ANNOTATION = "annotation"


class Block(Record):
    """A line or a table cell, with its position."""

    text: str
    confidence: Fraction
    box: tuple[Fraction, Fraction, Fraction, Fraction] = Field(
        description="Left, top, right and bottom, in 0-1 of the page as displayed."
    )
    source: BlockSource | None = Field(
        None, description="The source of the text; null in results that version 0.1.0 has stored."
    )


class Paragraph(Record):
    """Consecutive blocks of a page that form a paragraph, a heading or a table."""

    kind: Literal["text", "heading", "table"] = "text"
    level: int = Field(0, description="The level of a heading: 1 is the largest, 3 the smallest.")
    first: int = Field(ge=0, description="The index of the first block in the page's `blocks`.")
    last: int = Field(ge=0, description="The index of the last block, inclusive.")
    cells: list[list[int | None]] | None = Field(
        None, description="The rows of a table: for each column the index of its block, or null."
    )


class PageSeconds(Record):
    """The time spent on a page, in seconds."""

    render: float = Field(0.0, description="The time to render the page; 0 for the text layer.")
    read: float = Field(0.0, description="The time to read the text.")


class Page(Record):
    """The result of one page."""

    page_number: int = Field(ge=1)
    status: Literal["ok", "failed"]
    text: str = Field("", description="The blocks, one per line; empty if the page failed.")
    source: Source | None = None
    reason: str | None = Field(
        None, description="The reason for this source, and other remarks, such as `text_layer` or `no_text; dpi 57`."
    )
    width: int = Field(
        0, description="The width in pixels at which the page was read; for the text layer, at the requested dpi."
    )
    height: int = Field(0, description="The height in pixels, like `width`.")
    rotation: int = Field(
        0, description="The clockwise rotation for reading, in degrees: the PDF's /Rotate plus `turned`."
    )
    turned: int = Field(0, description="The clockwise rotation that makes the displayed page upright, in degrees.")
    vertical: bool = Field(
        False, description="True if the lines run down the page, from right to left, with upright characters."
    )
    trust: Fraction | None = Field(
        None, description="The trust in the text layer, 0-1; null if the layer was not assessed."
    )
    blocks: list[Block] = Field([], description="The lines and table cells, in reading order.")
    paragraphs: list[Paragraph] = Field([], description="The blocks, grouped into paragraphs, headings and tables.")
    attempts: int = Field(1, description="The number of attempts to read the page.")
    seconds: PageSeconds = PageSeconds()
    worker: str = Field("", description="The worker that read the page.")
    cached: bool = Field(
        False, description="True if the page was copied from an earlier job of the same owner and not read again."
    )
    engine: str | None = Field(None, description="The engine that read the page by OCR; null for a text layer.")
    language: str | None = Field(None, description="The language of most of the text, such as `de`; null if unclear.")
    script: str | None = Field(None, description="The script of most of the text as in ISO 15924, such as `Latn`.")
    error: Problem | None = None
    warnings: list[PageWarning] = Field([], description="What may be wrong with a page that was read.")

    @property
    def line_turn(self) -> int:
        """The clockwise rotation, in degrees, after which the lines of the displayed page run from left to right."""
        return VERTICAL_TURN if self.vertical else self.turned


class PageImageRequest(Record):
    """A request for the image of a page."""

    job_id: str
    page_number: int = Field(ge=1)
    dpi: int
    form: Literal["webp", "png", "jpeg"]

    @property
    def name(self) -> str:
        """The file name of the image, unique within its job."""
        return f"{self.page_number:06}-{self.dpi}.{self.form}"

    @property
    def key(self) -> str:
        return f"slimgest:image:{self.job_id}:{self.name}"
