"""The reading of many PDFs through one service, and PDFs that fail. A function answers the requests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import httpx
from rich.progress import Progress

from slimgest_celery.cli.batch import FoundPdf, Run, find_clashes, find_pdfs, process_all
from slimgest_celery.cli.resume_log import ResumeLog
from slimgest_celery.client import Client
from slimgest_celery.models.job import Options


def _run(answer: Callable[[httpx.Request], httpx.Response], output: Path | None = None) -> Run:
    return Run(
        client=Client("http://service", retry_for_s=0, transport=httpx.MockTransport(answer)),
        options=Options(), password=None, formats=("txt",), output=output,
        resume_log=ResumeLog(output, Options()) if output else None, progress=Progress(disable=True),
    )  # fmt: skip


def _refusing(request: httpx.Request) -> httpx.Response:
    request.read()
    return httpx.Response(415, json={"code": "upload.not_pdf", "detail": "No PDF."})


def test_a_missing_or_refused_pdf_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"x")
    gone = FoundPdf(path=tmp_path / "gone.pdf", name=Path("gone.pdf"), label="gone.pdf")
    problems = [outcome.problem_text for outcome in process_all(_run(_refusing), [gone, *find_pdfs([tmp_path])])]
    assert [str(problem).partition(".")[0] for problem in problems] == [
        "The file cannot be opened",
        "No PDF",
    ]


def test_a_folder_is_searched_for_pdfs_and_images_and_their_results_have_different_names(tmp_path: Path) -> None:
    for name in ("a.pdf", "a.JPG", "b.tiff", "notes.txt", "a.jpg.md"):
        (tmp_path / name).write_bytes(b"x")
    found = find_pdfs([tmp_path])
    assert [pdf.label.rpartition("/")[2] for pdf in found] == ["a.JPG", "a.pdf", "b.tiff"]
    assert not find_clashes(found, ("md", "txt"))
    answered = list(process_all(_run(_refusing, tmp_path / "out"), found))
    assert len(answered) == 3


def test_the_result_of_an_image_keeps_the_suffix_of_the_image(tmp_path: Path) -> None:
    (tmp_path / "scan.v2.jpg").write_bytes(b"x")
    (tmp_path / "scan.v2.pdf").write_bytes(b"x")
    image, pdf = find_pdfs([tmp_path])
    assert find_clashes([image, image, pdf], ("md",)) == [Path("scan.v2.jpg.md")]
    assert find_clashes([image, pdf, pdf], ("pdf",)) == [Path("scan.v2.searchable.pdf")]


def test_outcomes_are_in_order_however_many_pdfs_are_read_at_once(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}.pdf").write_bytes(b"x")
    pdfs = find_pdfs([tmp_path])
    assert [outcome.pdf for outcome in process_all(_run(_refusing), pdfs, 7)] == pdfs


def test_a_pdf_whose_earlier_job_has_expired_is_submitted_again(tmp_path: Path) -> None:
    keys = []

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        keys.append(request.headers["Idempotency-Key"])
        return httpx.Response(410, json={"code": "job.expired", "detail": "Gone."})

    (tmp_path / "a.pdf").write_bytes(b"x")
    run = _run(answer, tmp_path / "out")
    (outcome,) = process_all(run, find_pdfs([tmp_path]))
    assert len(set(keys)) == 2 and outcome.error and outcome.error.code == "job.expired"


def test_running_jobs_are_cancelled_without_a_resume_log_if_the_caller_stops_early(tmp_path: Path) -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path))
        return httpx.Response(404, json={"code": "job.unknown"})

    for output, cancelled in ((None, [("DELETE", "/jobs/1")]), (tmp_path / "out", [])):
        asked.clear()
        run = _run(answer, output)
        run.running.add("1")
        gone = [FoundPdf(path=tmp_path / "gone.pdf", name=Path("gone.pdf"), label="")] * 2
        outcomes = process_all(run, gone)
        next(outcomes)
        outcomes.close()
        assert asked == cancelled


def test_pdfs_of_a_folder_have_their_paths_as_labels_and_a_file_the_given_name(tmp_path: Path) -> None:
    (tmp_path / "b.PDF").touch()
    (tmp_path / "a.txt").touch()
    found = find_pdfs([tmp_path, tmp_path / "a.txt"], [tmp_path, Path("-")])
    assert [(pdf.label, str(pdf.name)) for pdf in found] == [(f"{tmp_path}{os.sep}b.PDF", "b.PDF"), ("-", "a.txt")]
