"""The record of a page: its text, blocks and paragraphs, or the reason why it failed."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, field_validator

from slimgest_celery.models.problem import Problem
from slimgest_celery.models.record import Fraction, Record
from slimgest_celery.models.warning import PageWarning

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
    """A line with its position."""

    text: str
    confidence: Fraction
    box: tuple[Fraction, Fraction, Fraction, Fraction] = Field(
        description="Left, top, right and bottom, in 0-1 of the page as displayed."
    )
    source: BlockSource | None = Field(
        None, description="The source of the text; null in results that version 0.1.0 has stored."
    )


class TableCell(Record):
    """A cell of a table. Each place of the table's rows and columns is in exactly one cell."""

    row: int = Field(ge=0, description="The first row of the cell, from 0.")
    column: int = Field(ge=0, description="The first column of the cell, from 0.")
    row_span: int = Field(1, ge=1, description="The number of rows.")
    col_span: int = Field(1, ge=1, description="The number of columns.")
    header: bool = Field(False, description="True in the header rows at the top of the table.")
    blocks: list[int] = Field(
        [], description="The indices of the cell's lines in the page's `blocks`, in reading order; none if it is empty."
    )


class Paragraph(Record):
    """Consecutive blocks of a page that form a paragraph, a heading or a table."""

    kind: Literal["text", "heading", "table"] = "text"
    level: int = Field(
        0,
        description="The level of a heading on this page: 1 is the largest, 3 the smallest. Document formats use the "
        "levels of the whole document.",
    )
    first: int = Field(ge=0, description="The index of the first block in the page's `blocks`.")
    last: int = Field(ge=0, description="The index of the last block, inclusive.")
    cells: list[TableCell] | None = Field(None, description="The cells of a table, row by row; null outside tables.")

    @field_validator("cells", mode="before")
    @classmethod
    def _from_rows(cls, cells: Any) -> Any:
        """Accept the cells that version 0.1.0 stored: rows of block indices, with null for an empty cell."""
        if not isinstance(cells, list) or not cells or not isinstance(cells[0], list):
            return cells
        return [
            TableCell(row=row, column=column, blocks=[] if index is None else [index])
            for row, places in enumerate(cells)
            for column, index in enumerate(places)
        ]


class RegionKind(StrEnum):
    """The role of a part of a page."""

    TITLE = "title"  # a heading of any level
    TEXT = "text"
    LIST = "list"  # consecutive items
    TABLE = "table"
    FIGURE = "figure"  # a picture, drawing or chart, with its labels
    CAPTION = "caption"  # of a figure or table
    HEADER = "header"  # above the text, repeated on other pages
    FOOTER = "footer"
    FOOTNOTE = "footnote"
    FORMULA = "formula"


class Region(Record):
    """A part of a page with one role, such as a heading, a table or a figure."""

    kind: RegionKind
    confidence: Fraction = Field(
        description="The layout model's confidence; 1 if the kind follows from type, position and drawn lines."
    )
    box: tuple[Fraction, Fraction, Fraction, Fraction] = Field(
        description="Left, top, right and bottom, in 0-1 of the page as displayed."
    )
    first: int | None = Field(
        None, ge=0, description="The index of the first block in the page's `blocks`; null for a figure without text."
    )
    last: int | None = Field(None, ge=0, description="The index of the last block, inclusive; null like `first`.")
    type_size: float | None = Field(
        None, description="The size of a title's type in points; of a scan, an estimate. Null for other kinds."
    )
    bold: bool = Field(False, description="True for a title in bold type, as far as a text layer shows it.")


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
    blocks: list[Block] = Field([], description="The lines, in reading order.")
    paragraphs: list[Paragraph] = Field([], description="The blocks, grouped into paragraphs, headings and tables.")
    regions: list[Region] = Field(
        [],
        description="The page's titles, texts, tables, figures and so on, in reading order; empty in results that "
        "version 0.1.0 has stored.",
    )
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
