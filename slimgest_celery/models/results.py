"""The options with which a result is written, and the records that only a format contains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from slimgest_celery.models.record import Fraction, Record, WholeNumber


class FormatOptions(Record):
    """The options of a format. A format ignores the options of others."""

    title: Literal["none", "filename"] = Field(
        "none", description="`filename`: `md` and `html` begin with the file name as a heading."
    )
    headers: Literal["drop", "keep"] = Field(
        "drop",
        description="`keep`: `md`, `txt`, `html` and `chunks` contain running headers, footers and page numbers.",
    )
    max_tokens: WholeNumber = Field(
        512, ge=32, le=32768, description="The largest size of a chunk in `chunks`, in estimated tokens."
    )
    overlap: WholeNumber = Field(
        0,
        ge=0,
        le=16384,
        description="The part of a chunk that repeats the end of the one before it, in estimated tokens; at most half "
        "of `max_tokens`.",
    )

    @field_validator("overlap")
    @classmethod
    def _check_overlap(cls, value: int, info: ValidationInfo) -> int:
        if value > info.data.get("max_tokens", value * 2) // 2:
            raise ValueError("must be at most half of max_tokens")
        return value

    def changed(self) -> dict[str, str]:
        """Return the options that differ from their defaults, as query parameters."""
        return {name: str(value) for name, value in self.model_dump(exclude_defaults=True).items()}


class ChunkBox(Record):
    """The place of a part of a chunk."""

    page_number: int = Field(ge=1)
    box: tuple[Fraction, Fraction, Fraction, Fraction] = Field(
        description="Left, top, right and bottom, in 0-1 of the page as displayed."
    )


class Chunk(Record):
    """A part of a document for retrieval, as the format `chunks` contains it."""

    number: int = Field(ge=1, description="The number of the chunk in the document, from 1.")
    kind: str = Field(
        description="`text`, or what all of the chunk is: `table`, `list`, `caption`, `footnote`, `formula`, `figure`; "
        "`heading` if it has no text below its headings."
    )
    text: str = Field(description="The text: paragraphs separated by empty lines, or a table in Markdown.")
    page_numbers: list[int] = Field(description="The pages that contain the text, ascending.")
    boxes: list[ChunkBox] = Field(description="The places of its paragraphs or tables, in reading order.")
    headings: list[str] = Field(description="The headings above the text, from the highest level to the lowest.")
    tokens: int = Field(description="The estimated number of tokens: a quarter of the bytes of the text in UTF-8.")
    repeated: int = Field(
        0,
        description="The number of characters at the start of `text` that repeat the chunk before: the overlap, or "
        "the header rows of a table that was divided.",
    )
