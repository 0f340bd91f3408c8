"""The Python examples of docs/client.md run as they are, each as a program of its own, against a real service."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import pdfs
from tests.support.stack import ROOT, Stack

GUIDE = (ROOT / "docs" / "client.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.M | re.S)
URL = '"http://127.0.0.1:8000"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The two files that the examples read."""
    (tmp_path / "letter.pdf").write_bytes(pdfs.numbered(4))
    (tmp_path / "book.pdf").write_bytes(pdfs.coloured([(0, 1, 0), (255, 255, 0), (0, 3, 0)]))  # its page 2 fails
    return tmp_path


def _run(stack: Stack, example: str, folder: Path) -> list[str]:
    """Run an example with the address of the stack, and return the lines that it prints."""
    assert example.count(URL) == 1
    program = example.replace(URL, repr(stack.url))
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


def test_all_python_code_is_in_the_two_examples_that_are_run() -> None:
    assert len(EXAMPLES) == 2
    assert not re.search(r"^    .*(import|Client\()", re.sub(r"^```.*?^```$", "", GUIDE, flags=re.M | re.S), re.M)


def test_a_document_is_read_and_the_events_of_a_job_are_followed(stack: Stack, folder: Path) -> None:
    printed = _run(stack, EXAMPLES[0], folder)
    document = ["page 1", "", "page 2", "", "page 3 [] <!-- page 1 -->"]
    assert printed[: len(document)] == document and "page 4" not in printed
    assert {"1 page 1", "3 page 3"} <= set(printed), "the pages of the book"
    assert (folder / "searchable.pdf").read_bytes().startswith(b"%PDF-")


def test_the_progress_of_a_pdf_is_shown_with_asyncio(stack: Stack, folder: Path) -> None:
    printed = _run(stack, EXAMPLES[1], folder)
    assert printed[:3] == ["1 of 3", "2 of 3", "3 of 3"]
    assert "page 1" in printed[3:] and "page 3" in printed[3:]
