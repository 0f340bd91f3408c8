"""The chunks of real documents: no character is lost, and none is in two chunks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from slimgest_celery.engines.protocol import Image, OcrLine
from slimgest_celery.errors import SlimgestError
from slimgest_celery.formats.document.pages import document_pages, find_context
from slimgest_celery.formats.tables import to_rows
from slimgest_celery.models.job import Mode, Options
from slimgest_celery.models.page import Page
from slimgest_celery.models.results import Chunk, FormatOptions
from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.reading.page_reader import PageReader
from slimgest_celery.storage.job_files import StoredPage
from tests.support.drawn_documents import document, write

FOLDERS = ("born_digital", "reports", "scanned", "large")  # hostile files are for processes with limits
pytestmark = [pytest.mark.corpus, pytest.mark.timeout(900)]


class _NoEngine:
    """Text layers only: an engine that is never asked."""

    name, version, batch_size = "none", "1", 1

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        raise AssertionError

    def warm_up(self, image: Image) -> None:
        raise AssertionError


def test_each_character_of_each_document_is_in_exactly_one_chunk(corpus: Path) -> None:
    reader = PageReader(engine=_NoEngine(), worker="w", max_pixels=10**7)
    read = joined = 0
    for file in sorted(file for folder in FOLDERS for file in (corpus / folder).glob("*.pdf")):
        pages = _read(reader, file)
        found = _chunks(pages)
        written = sum((_letters(chunk.text[chunk.repeated :]) for chunk in found), Counter[str]())
        left_out = _repeated_headers(pages)
        blocks = sum((_letters(block.text) for page in pages for block in page.blocks), Counter[str]())
        assert written + left_out == blocks, file.name
        assert all(chunk.tokens <= 200 or chunk.kind == "table" for chunk in found), file.name
        read, joined = read + bool(pages), joined + bool(left_out)
    print(f"{read} documents, {joined} with tables that repeat their header")
    assert read >= 30


def _read(reader: PageReader, file: Path) -> list[Page]:
    """The pages of a PDF from their text layers; none if it cannot be opened."""
    try:
        with closing(open_pdf(file)) as pdf:
            return reader.read_pages(pdf, Options(mode=Mode.TEXT), range(1, len(pdf) + 1))
    except SlimgestError:
        return []


def _chunks(pages: list[Page]) -> list[Chunk]:
    text = write("chunks", document(*pages), max_tokens=200, overlap=40, headers="keep")
    return [Chunk.model_validate_json(line) for line in text.split("\n") if line]


def _letters(text: str) -> Counter[str]:
    """The characters of a text, without spaces, hyphens and what Markdown adds."""
    return Counter("".join(re.findall(r"[^\s|\\\-\u00ad\u2010]+", text)))


def _repeated_headers(pages: list[Page]) -> Counter[str]:
    """The characters of the header rows that tables repeat on the next page."""
    stored = [StoredPage.from_line(page.model_dump_json().encode()) for page in pages]
    found: Counter[str] = Counter()
    for own in document_pages(stored, FormatOptions(headers="keep"), find_context(stored).structure):
        if own.repeated_rows and own.elements[0].paragraph:
            rows = to_rows(own.tables[own.elements[0].paragraph.first])
            found += _letters(" ".join(text for row in rows[: own.repeated_rows] for text in row))
    return found
