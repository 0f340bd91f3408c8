"""The journal of an output folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimgest_celery.journal import NAME, Journal
from slimgest_celery.model import JobStatus, Options


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF")
    return path


def test_what_ended_well_is_done_until_the_file_or_the_way_changes(tmp_path: Path, pdf: Path) -> None:
    name = Path("deeper/a.pdf")
    journal = Journal(tmp_path / "out", Options())
    assert not journal.is_done(pdf, name)
    journal.begin(pdf, name)
    assert not Journal(tmp_path / "out", Options()).is_done(pdf, name)
    journal.end(name, JobStatus.COMPLETED)
    assert Journal(tmp_path / "out", Options()).is_done(pdf, name)
    assert not Journal(tmp_path / "out", Options(dpi=300)).is_done(pdf, name)
    pdf.write_bytes(b"%PDF changed")
    assert not Journal(tmp_path / "out", Options()).is_done(pdf, name)


@pytest.mark.parametrize("status", [JobStatus.PARTIAL, JobStatus.FAILED, JobStatus.CANCELLED])
def test_only_what_was_begun_and_never_ended_keeps_its_key(tmp_path: Path, pdf: Path, status: JobStatus) -> None:
    key = Journal(tmp_path, Options()).begin(pdf, Path("a.pdf"))
    again = Journal(tmp_path, Options())
    assert again.begin(pdf, Path("a.pdf")) == key
    again.end(Path("a.pdf"), status)
    assert Journal(tmp_path, Options()).begin(pdf, Path("a.pdf")) != key


def test_a_line_cut_off_in_the_middle_is_passed_over(tmp_path: Path, pdf: Path) -> None:
    journal = Journal(tmp_path, Options())
    journal.begin(pdf, Path("a.pdf"))
    journal.end(Path("a.pdf"), JobStatus.COMPLETED)
    with (tmp_path / NAME).open("a") as file:
        file.write('\n{"name": "b.p')
    after = Journal(tmp_path, Options())
    assert after.is_done(pdf, Path("a.pdf"))
    key = after.begin(pdf, Path("c.pdf"))
    assert Journal(tmp_path, Options()).begin(pdf, Path("c.pdf")) == key
