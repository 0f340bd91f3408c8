"""The resume log of an output folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimgest_celery.cli.resume_log import NAME, ResumeLog
from slimgest_celery.models.job import JobStatus, Options


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF")
    return path


def test_a_completed_pdf_is_done_until_the_file_or_the_options_change(tmp_path: Path, pdf: Path) -> None:
    name = Path("deeper/a.pdf")
    resume_log = ResumeLog(tmp_path / "out", Options())
    assert not resume_log.is_done(pdf, name)
    resume_log.mark_started(pdf, name)
    assert not ResumeLog(tmp_path / "out", Options()).is_done(pdf, name)
    resume_log.mark_done(name, JobStatus.COMPLETED)
    assert ResumeLog(tmp_path / "out", Options()).is_done(pdf, name)
    assert not ResumeLog(tmp_path / "out", Options(dpi=300)).is_done(pdf, name)
    pdf.write_bytes(b"%PDF changed")
    assert not ResumeLog(tmp_path / "out", Options()).is_done(pdf, name)


@pytest.mark.parametrize("status", [JobStatus.PARTIAL, JobStatus.FAILED, JobStatus.CANCELLED])
def test_only_a_pdf_that_started_and_never_ended_keeps_its_key(tmp_path: Path, pdf: Path, status: JobStatus) -> None:
    key = ResumeLog(tmp_path, Options()).mark_started(pdf, Path("a.pdf"))
    again = ResumeLog(tmp_path, Options())
    assert again.mark_started(pdf, Path("a.pdf")) == key
    again.mark_done(Path("a.pdf"), status)
    assert ResumeLog(tmp_path, Options()).mark_started(pdf, Path("a.pdf")) != key


def test_an_incomplete_line_is_skipped(tmp_path: Path, pdf: Path) -> None:
    resume_log = ResumeLog(tmp_path, Options())
    resume_log.mark_started(pdf, Path("a.pdf"))
    resume_log.mark_done(Path("a.pdf"), JobStatus.COMPLETED)
    with (tmp_path / NAME).open("a") as file:
        file.write('\n{"name": "b.p')
    after = ResumeLog(tmp_path, Options())
    assert after.is_done(pdf, Path("a.pdf"))
    key = after.mark_started(pdf, Path("c.pdf"))
    assert ResumeLog(tmp_path, Options()).mark_started(pdf, Path("c.pdf")) == key
