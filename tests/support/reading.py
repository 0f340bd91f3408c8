"""The reading of a whole document in one process, without a service."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from slimgest_celery.engines.protocol import OcrEngine
from slimgest_celery.layout.document_structure import find_structure
from slimgest_celery.models.job import Mode, Options
from slimgest_celery.models.page import Page
from slimgest_celery.page_elements.picodet import PicoDet
from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.reading.page_reader import PageReader


def read_document(path: Path, engine: OcrEngine, mode: Mode) -> list[Page]:
    """Return the pages of a PDF with the structure of the document."""
    with closing(open_pdf(path)) as pdf:
        reader = PageReader(engine=engine, worker="", max_pixels=10**7, layout_model=PicoDet())
        pages = reader.read_pages(pdf, Options(mode=mode), range(1, len(pdf) + 1))
    structure = find_structure(pages)
    return [structure.apply(page) for page in pages]
