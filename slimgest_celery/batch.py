"""Many PDFs through one service: found, submitted, followed, and written as each ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from . import advice
from .client import ApiError, Client
from .formats import FORMATS
from .journal import Journal
from .model import JobStatus, Options, Problem, Status

AT_ONCE = 16
_FORGOTTEN = ("job.expired", "job.unknown", "request.key_reused")  # why a key of an earlier run is of no use


@dataclass(frozen=True, kw_only=True)
class FoundPdf:
    """A PDF to be read."""

    path: Path
    name: Path  # relative: where its results go below the output folder


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one PDF."""

    pdf: FoundPdf
    job: Status | None = None  # None: it was refused, or had been read before
    error: Problem | None = None
    results: dict[str, bytes]  # by format; empty where they were written to files
    files: tuple[Path, ...] = ()

    @property
    def trouble(self) -> str | None:
        """For a person; None where all went well."""
        if self.error:
            return advice.sentence(self.error.code, self.error.message)
        if self.job and self.job.status != JobStatus.COMPLETED:
            return f"{self.job.pages_failed} of {self.job.total_pages} pages could not be read; the results say why."
        return None


@dataclass(frozen=True, kw_only=True)
class Run:
    """How PDFs are to be read, and where their results go."""

    client: Client
    options: Options
    password: str | None
    forms: tuple[str, ...]
    output: Path | None  # None: the results stand in the outcomes
    journal: Journal | None  # None: nothing is skipped
    bars: Progress


def find_pdfs(paths: Iterable[Path]) -> list[FoundPdf]:
    """Files as given, whatever they are called; folders searched for `*.pdf`, in order of name."""
    found = []
    for path in paths:
        if path.is_dir():
            inside = sorted(pdf for pdf in path.rglob("*") if pdf.suffix.lower() == ".pdf" and pdf.is_file())
            found += [FoundPdf(path=pdf, name=pdf.relative_to(path)) for pdf in inside]
        else:
            found.append(FoundPdf(path=path, name=Path(path.name)))
    return found


def clashes(pdfs: Sequence[FoundPdf], forms: Sequence[str]) -> list[Path]:
    """Files that more than one result would be written to."""
    targets = Counter(_target(Path(), pdf, form) for pdf in pdfs for form in forms)
    return [target for target, count in targets.items() if count > 1]


def process_all(run: Run, pdfs: Sequence[FoundPdf], at_once: int = AT_ONCE) -> Iterator[Outcome]:
    """Reads all PDFs, so many at a time; outcomes in the order given. One that fails spoils no other."""
    pool = ThreadPoolExecutor(at_once)
    try:
        yield from pool.map(lambda pdf: process_one(run, pdf), pdfs)
    finally:  # after Ctrl-C nobody waits for what is under way
        pool.shutdown(wait=False, cancel_futures=True)


def process_one(run: Run, pdf: FoundPdf) -> Outcome:
    """Reads one PDF, unless that was done before; a refusal by the service becomes its outcome's `error`."""
    if run.output and run.journal and run.journal.is_done(pdf.path, pdf.name):
        files = tuple(_target(run.output, pdf, form) for form in run.forms)
        if all(file.is_file() for file in files):
            return Outcome(pdf=pdf, results={}, files=files)
    key = run.journal.begin(pdf.path, pdf.name) if run.journal else None
    try:
        job = _read(run, pdf, key)
        results = _results(run, job) if job.has_result else {}
    except ApiError as error:
        problem = Problem(code=error.problem_code, message=error.message, retryable=error.may_retry)
        return _ended(run, Outcome(pdf=pdf, error=problem, results={}), JobStatus.FAILED)
    if run.output is None:
        return Outcome(pdf=pdf, job=job, error=job.error, results=results)
    files = tuple(_write(_target(run.output, pdf, form), content) for form, content in results.items())
    return _ended(run, Outcome(pdf=pdf, job=job, error=job.error, results={}, files=files), job.status)


def _read(run: Run, pdf: FoundPdf, key: str | None) -> Status:
    """Submits a PDF and follows it to its end."""
    bar = run.bars.add_task(str(pdf.name), total=None)
    job_id = _submit(run, pdf.path, key)
    for event in run.client.stream(job_id):
        run.bars.update(bar, total=event.data.get("total_pages"), completed=event.data.get("pages_done"))
    job = run.client.status(job_id)
    run.bars.update(bar, total=job.total_pages or 1, completed=job.pages_done)
    return job


def _results(run: Run, job: Status) -> dict[str, bytes]:
    """The forms asked for. A searchable PDF is made of the upload, which may need its password again."""
    return {form: run.client.result_as(job.job_id, form, run.password if form == "pdf" else None) for form in run.forms}


def _submit(run: Run, path: Path, key: str | None) -> str:
    """Submits a PDF; where the queue is full, as often as the service asks."""
    while True:
        try:
            return run.client.submit(path, run.options, run.password, key).job_id
        except ApiError as error:
            if key and error.problem_code in _FORGOTTEN:
                key = None
            elif error.retry_after_s is None:
                raise
            else:
                time.sleep(error.retry_after_s)


def _ended(run: Run, outcome: Outcome, status: JobStatus) -> Outcome:
    if run.journal:
        run.journal.end(outcome.pdf.name, status)
    return outcome


def _target(output: Path, pdf: FoundPdf, form: str) -> Path:
    return (output / pdf.name).with_suffix(FORMATS[form].suffix)


def _write(target: Path, content: bytes) -> Path:
    """Writes a file whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.write_bytes(content)
    return part.replace(target)
