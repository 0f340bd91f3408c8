"""Documents that a test draws, and what a format makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slimgest_celery.formats.document.pages import find_context
from slimgest_celery.formats.registry import FORMATS, PageFormat
from slimgest_celery.models.job import Document, JobStatus, Options
from slimgest_celery.models.page import Block, Page, Paragraph, TableCell
from slimgest_celery.models.record import now
from slimgest_celery.models.results import FormatOptions
from slimgest_celery.storage.job_files import StoredPage

Drawn = tuple[str, str] | list[list[str]]  # the kind of a paragraph and its lines, or the rows of a table


def document(*pages: Page, filename: str = "a_b.pdf") -> Document:
    """A document of these pages."""
    moment = now()
    return Document(
        job_id="1",
        filename=filename,
        status=JobStatus.COMPLETED,
        total_pages=len(pages),
        options=Options(),
        engine=None,
        created_at=moment,
        completed_at=moment,
        elapsed_seconds=0,
        pages=list(pages),
    )


def write(form: str, made: Document, **options: Any) -> str:
    """The document in a text format."""
    return write_bytes(form, made, **options).decode()


def write_bytes(form: str, made: Document, **options: Any) -> bytes:
    """The document in a format that is written from its pages."""
    writer = FORMATS[form]
    assert isinstance(writer, PageFormat)
    head = made.model_copy(update={"pages": []})
    stored = [StoredPage.from_line(page.model_dump_json().encode()) for page in made.pages]
    return b"".join(writer.chunks(head, iter(stored), FormatOptions(**options), find_context(stored)))


def drawn_page(page_number: int, *drawn: Drawn, **more: Any) -> Page:
    """A page of paragraphs, one below the other: ("text", "a\\nb"), ("h2", "Title"), or the rows of a table."""
    blocks: list[Block] = []
    paragraphs: list[Paragraph] = []
    height, row = 1 / sum(map(_line_count, drawn), start=1), 0
    for part in drawn:
        top, first = row * height, len(blocks)
        row += _line_count(part)
        if isinstance(part, list):
            paragraphs.append(_table(part, blocks, top, height))
            continue
        kind, text = part
        blocks += [_block(line, 0.1, 0.9, top + n * height, height) for n, line in enumerate(text.split("\n"))]
        how = {"kind": "heading", "level": int(kind[1:])} if kind.startswith("h") else {}
        paragraphs.append(Paragraph(first=first, last=len(blocks) - 1, **how))  # type: ignore[arg-type]
    text = "\n".join(block.text for block in blocks)
    return Page(page_number=page_number, status="ok", text=text, blocks=blocks, paragraphs=paragraphs, **more)


def _line_count(part: Drawn) -> int:
    return len(part) if isinstance(part, list) else 1 + part[1].count("\n")


def _block(text: str, left: float, right: float, top: float, height: float) -> Block:
    return Block(text=text, confidence=1, box=(left, min(top, 1), right, min(top + 0.8 * height, 1)))


def _table(rows: Sequence[Sequence[str]], blocks: list[Block], top: float, height: float) -> Paragraph:
    first, width = len(blocks), 0.8 / len(rows[0])
    cells = []
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            lines = [len(blocks)] if text else []
            cells.append(TableCell(row=row, column=column, header=row == 0, blocks=lines))
            if text:
                left = 0.1 + column * width
                blocks.append(_block(text, left, left + 0.9 * width, top + row * height, height))
    return Paragraph(kind="table", first=first, last=len(blocks) - 1, cells=cells)
