"""Many PDFs through one service: what becomes of those that cannot be read. Requests go to a function."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import httpx
from rich.progress import Progress

from slimgest_celery.batch import FoundPdf, Run, find_pdfs, process_all
from slimgest_celery.client import Client
from slimgest_celery.journal import Journal
from slimgest_celery.model import Options


def _run(answer: Callable[[httpx.Request], httpx.Response], output: Path | None = None) -> Run:
    return Run(
        client=Client("http://service", retry_for_s=0, transport=httpx.MockTransport(answer)),
        options=Options(), password=None, forms=("txt",), output=output,
        journal=Journal(output, Options()) if output else None, bars=Progress(disable=True),
    )  # fmt: skip


def _refusing(request: httpx.Request) -> httpx.Response:
    request.read()
    return httpx.Response(415, json={"code": "upload.not_pdf", "detail": "No PDF."})


def test_a_pdf_that_is_gone_or_refused_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"x")
    gone = FoundPdf(path=tmp_path / "gone.pdf", name=Path("gone.pdf"), shown="gone.pdf")
    troubles = [outcome.trouble for outcome in process_all(_run(_refusing), [gone, *find_pdfs([tmp_path])])]
    assert [str(trouble).partition(".")[0] for trouble in troubles] == [
        "It cannot be opened: it is gone, or you may not read it",
        "No PDF",
    ]


def test_outcomes_come_in_the_order_given_however_many_are_under_way(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}.pdf").write_bytes(b"x")
    pdfs = find_pdfs([tmp_path])
    assert [outcome.pdf for outcome in process_all(_run(_refusing), pdfs, 7)] == pdfs


def test_a_pdf_whose_job_of_an_earlier_run_has_expired_is_submitted_anew(tmp_path: Path) -> None:
    keys = []

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        keys.append(request.headers["Idempotency-Key"])
        return httpx.Response(410, json={"code": "job.expired", "detail": "Gone."})

    (tmp_path / "a.pdf").write_bytes(b"x")
    run = _run(answer, tmp_path / "out")
    (outcome,) = process_all(run, find_pdfs([tmp_path]))
    assert len(set(keys)) == 2 and outcome.error and outcome.error.code == "job.expired"


def test_what_a_journal_does_not_know_is_cancelled_when_nobody_takes_the_outcomes(tmp_path: Path) -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path))
        return httpx.Response(404, json={"code": "job.unknown"})

    for output, cancelled in ((None, [("DELETE", "/jobs/1")]), (tmp_path / "out", [])):
        asked.clear()
        run = _run(answer, output)
        run.under_way.add("1")
        gone = [FoundPdf(path=tmp_path / "gone.pdf", name=Path("gone.pdf"), shown="")] * 2
        outcomes = process_all(run, gone)
        next(outcomes)
        outcomes.close()
        assert asked == cancelled


def test_a_folder_s_pdfs_are_shown_with_their_paths_and_a_file_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "b.PDF").touch()
    (tmp_path / "a.txt").touch()
    found = find_pdfs([tmp_path, tmp_path / "a.txt"], [tmp_path, Path("-")])
    assert [(pdf.shown, str(pdf.name)) for pdf in found] == [(f"{tmp_path}{os.sep}b.PDF", "b.PDF"), ("-", "a.txt")]
