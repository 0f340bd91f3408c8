"""The fixture with which the tests of this folder open a PDF."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from slimgest_celery.pdf.document import Pdf, open_pdf


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[bytes], Pdf]:
    """Return a function that writes a PDF to a file and opens it."""

    def open_content(content: bytes) -> Pdf:
        path = tmp_path / "test.pdf"
        path.write_bytes(content)
        return open_pdf(path)

    return open_content
