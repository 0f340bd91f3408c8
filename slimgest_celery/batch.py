"""Many PDFs through one service: found, submitted, followed, and written as each ends."""

from __future__ import annotations

import os
import queue
import threading
from collections import Counter, deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress

from . import advice
from .client import ApiError, Client, PageDone
from .errors import SlimgestError
from .formats import FORMATS
from .journal import Journal
from .model import JobStatus, Options, Problem, Status

AT_ONCE = 16
_SHOWN = 5  # bars of PDFs that are done: more would push those under way off the screen
_FORGOTTEN = ("job.expired", "job.unknown", "request.key_reused")  # why a key of an earlier run is of no use


@dataclass(frozen=True, kw_only=True)
class FoundPdf:
    """A PDF to be read."""

    path: Path
    name: Path  # relative: where its results go below the output folder
    shown: str  # to whoever gave it


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
    under_way: set[str] = field(default_factory=set)  # ids of jobs; changes while the run goes on


def find_pdfs(paths: Sequence[Path], given: Sequence[Path] | None = None) -> list[FoundPdf]:
    """Files, whatever they are called; folders searched for `*.pdf`, in order of name.

    `given` is what was said for each path, where that was something else.
    """
    found = []
    for path, said in zip(paths, given or paths, strict=True):
        if path.is_dir():
            inside = sorted(pdf for pdf in path.rglob("*") if pdf.suffix.lower() == ".pdf" and pdf.is_file())
            found += [FoundPdf(path=pdf, name=pdf.relative_to(path), shown=str(pdf)) for pdf in inside]
        else:
            found.append(FoundPdf(path=path, name=Path(path.name), shown=str(said)))
    return found


def clashes(pdfs: Sequence[FoundPdf], forms: Sequence[str]) -> list[Path]:
    """Files that more than one result would be written to."""
    targets = Counter(_target(Path(), pdf, form) for pdf in pdfs for form in forms)
    return [target for target, count in targets.items() if count > 1]


def process_all(run: Run, pdfs: Sequence[FoundPdf], at_once: int = AT_ONCE) -> Generator[Outcome, None, None]:
    """Reads all PDFs, so many at a time; outcomes in the order given. One that fails spoils no other."""
    outcomes: deque[Future[Outcome]] = deque(Future() for _ in pdfs)
    waiting: queue.SimpleQueue[tuple[Future[Outcome], FoundPdf]] = queue.SimpleQueue()
    for entry in zip(outcomes, pdfs, strict=True):
        waiting.put(entry)
    # Not a ThreadPoolExecutor: after Ctrl-C, Python would wait for what its threads have under way.
    for _ in range(min(at_once, len(pdfs))):
        threading.Thread(target=_work, args=(run, waiting), daemon=True).start()
    of_all = run.bars.add_task("all of them", total=len(pdfs), unit="PDFs", visible=len(pdfs) > _SHOWN)
    try:
        while outcomes:
            yield outcomes.popleft().result()
            run.bars.advance(of_all)
    except BaseException as error:
        for outcome in outcomes:  # those not begun
            outcome.cancel()
        if isinstance(error, (KeyboardInterrupt, GeneratorExit)):  # Ctrl-C, or nobody takes the outcomes any more
            _abandon(run)
        raise


def _work(run: Run, waiting: queue.SimpleQueue[tuple[Future[Outcome], FoundPdf]]) -> None:
    with suppress(queue.Empty):
        while True:
            outcome, pdf = waiting.get_nowait()
            if outcome.set_running_or_notify_cancel():
                try:
                    outcome.set_result(process_one(run, pdf))
                except BaseException as error:  # goes to whoever waits for the outcome
                    outcome.set_exception(error)


def _abandon(run: Run) -> None:
    """Cancels what is under way for nobody. What a journal knows goes on: the run may be taken up again."""
    for job_id in [] if run.journal else list(run.under_way):
        with suppress(SlimgestError):
            run.client.cancel(job_id)


def process_one(run: Run, pdf: FoundPdf) -> Outcome:
    """Reads one PDF, unless that was done before; a refusal by the service becomes its outcome's `error`."""
    if not os.access(pdf.path, os.R_OK):
        fault = Problem(code="", message="It cannot be opened: it is gone, or you may not read it.")
        return Outcome(pdf=pdf, error=fault, results={})
    if run.output and run.journal and run.journal.is_done(pdf.path, pdf.name):
        files = tuple(_target(run.output, pdf, form) for form in run.forms)
        if all(file.is_file() for file in files):
            return Outcome(pdf=pdf, results={}, files=files)
    key = run.journal.begin(pdf.path, pdf.name) if run.journal else None
    try:
        job = _read(run, pdf, key)
        outcome = _fetched(run, pdf, job) if job.has_result else Outcome(pdf=pdf, job=job, error=job.error, results={})
    except ApiError as error:
        problem = Problem(code=error.problem_code, message=error.message, retryable=error.may_retry)
        return _ended(run, Outcome(pdf=pdf, error=problem, results={}), JobStatus.FAILED)
    return _ended(run, outcome, job.status)


def _read(run: Run, pdf: FoundPdf, key: str | None) -> Status:
    """Submits a PDF and follows it to its end."""
    bar = run.bars.add_task(str(pdf.name), total=None, unit="pages")
    job_id = _submit(run, pdf.path, key)
    run.under_way.add(job_id)
    for event in run.client.stream(job_id):
        if isinstance(event, PageDone):
            run.bars.update(bar, total=event.total_pages, completed=event.pages_done)
    run.under_way.discard(job_id)
    job = run.client.status(job_id)
    visible = len(run.bars.tasks) <= 1 + _SHOWN
    run.bars.update(bar, total=job.total_pages or 1, completed=job.pages_done, visible=visible)
    return job


def _fetched(run: Run, pdf: FoundPdf, job: Status) -> Outcome:
    """An ended job with its results. A searchable PDF is made of the upload, which may need its password again."""
    results, files = {}, []
    for form in run.forms:
        password = run.password if form == "pdf" else None
        if run.output is None:
            results[form] = run.client.result_as(job.job_id, form, password)
        else:
            target = _target(run.output, pdf, form)
            target.parent.mkdir(parents=True, exist_ok=True)
            files.append(run.client.download(job.job_id, form, target, password))
    return Outcome(pdf=pdf, job=job, error=job.error, results=results, files=tuple(files))


def _submit(run: Run, path: Path, key: str | None) -> str:
    """Submits a PDF; one whose job of an earlier run is gone, anew."""
    try:
        return run.client.submit(path, run.options, run.password, key).job_id
    except ApiError as error:
        if key is None or error.problem_code not in _FORGOTTEN:
            raise
        return run.client.submit(path, run.options, run.password).job_id


def _ended(run: Run, outcome: Outcome, status: JobStatus) -> Outcome:
    if run.journal:
        run.journal.end(outcome.pdf.name, status)
    return outcome


def _target(output: Path, pdf: FoundPdf, form: str) -> Path:
    return (output / pdf.name).with_suffix(FORMATS[form].suffix)
