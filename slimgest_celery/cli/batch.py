"""The reading of many PDFs and images through one service: find, submit, follow, and write the results of each."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.progress import Progress

from slimgest_celery.cli.error_hints import error_text
from slimgest_celery.cli.resume_log import ResumeLog
from slimgest_celery.client import ApiError, Client, PageDone, ResultFormat
from slimgest_celery.errors import SlimgestError
from slimgest_celery.formats.registry import FORMATS
from slimgest_celery.models.file_type import READABLE_SUFFIXES
from slimgest_celery.models.job import JobStatus, Options, Status
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.results import FormatOptions

AT_ONCE = 16
_DEFAULTS = FormatOptions()
_MAX_BARS = 5  # beyond these, bars of ended PDFs are hidden, so that those of running PDFs stay on the screen
_KEY_UNUSABLE = ("job.expired", "job.unknown", "request.key_reused")  # the key of an earlier run leads to no job


@dataclass(frozen=True, kw_only=True)
class FoundPdf:
    """A PDF or an image to read."""

    path: Path
    name: Path  # relative: the place of its results below the output folder
    label: str  # the name in messages, as the user gave it
    file: Path | None = None  # for its only result, instead of a place below the output folder


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of one PDF."""

    pdf: FoundPdf
    job: Status | None = None  # None: the PDF was refused, or an earlier run has read it
    error: Problem | None = None
    results: dict[str, bytes]  # by format; empty if the results were written to files
    files: tuple[Path, ...] = ()
    warnings: frozenset[str] = frozenset()  # the codes of its pages

    @property
    def warning_text(self) -> str | None:
        """Return a sentence about the pages that have warnings, or None."""
        count = self.job.pages_with_warnings if self.job else 0
        if not count:
            return None
        codes = ", ".join(sorted(self.warnings))
        return f"{counted(count, 'page')} may be wrong ({codes}); the format json says why."

    @property
    def problem_text(self) -> str | None:
        """Return the problem as a sentence, or None if every page was read."""
        if self.error:
            return error_text(self.error.message, self.error.code, self.error.hint)
        if self.job and self.job.status != JobStatus.COMPLETED:
            total = counted(self.job.total_pages or 0, "page")
            return f"{self.job.pages_failed} of {total} failed; the results contain the reasons."
        return None


@dataclass(kw_only=True)
class Summary:
    """Counts of the documents and pages that a run has read so far."""

    documents: int = 0
    skipped: int = 0  # read by an earlier run
    failed: int = 0
    pages: int = 0
    pages_failed: int = 0
    pages_with_warnings: int = 0
    _started_s: float = field(default_factory=time.monotonic)

    @property
    def succeeded(self) -> bool:
        return not self.failed

    def add(self, outcome: Outcome, succeeded: bool) -> None:
        """Count a PDF; `succeeded` if every page was read."""
        self.documents += 1
        self.skipped += not outcome.job and not outcome.error
        self.failed += not succeeded
        if outcome.job:
            self.pages += outcome.job.pages_done
            self.pages_failed += outcome.job.pages_failed
            self.pages_with_warnings += outcome.job.pages_with_warnings

    def text(self) -> str:
        """Return a sentence for the end of the run."""
        skipped = f" ({self.skipped} of them read earlier)" if self.skipped else ""
        return (
            f"{counted(self.documents, 'document')}{skipped}, {counted(self.pages, 'page')} in "
            f"{time.monotonic() - self._started_s:.1f} s: {counted(self.failed, 'document')} not read completely, "
            f"{counted(self.pages_failed, 'page')} failed, {counted(self.pages_with_warnings, 'page')} with warnings."
        )


def counted(count: int, thing: str) -> str:
    """Return a number of things in words, such as `1 page` or `2 pages`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


@dataclass(frozen=True, kw_only=True)
class Run:
    """The options of a run over many PDFs."""

    client: Client
    options: Options
    password: str | None
    formats: tuple[ResultFormat, ...]
    format_options: FormatOptions = _DEFAULTS
    output: Path | None  # None: the outcomes contain the results
    resume_log: ResumeLog | None  # None: no PDF is skipped
    progress: Progress
    running: set[str] = field(default_factory=set)  # ids of running jobs; changes during the run


def find_pdfs(paths: Sequence[Path], given: Sequence[Path] | None = None) -> list[FoundPdf]:
    """Return the files in `paths`, whatever their names are, and all PDFs and images in its folders, ordered by name.

    `given` has the path that the user gave for each path, if that is a different one.
    """
    found = []
    for path, label in zip(paths, given or paths, strict=True):
        if path.is_dir():
            inside = sorted(
                file for file in path.rglob("*") if file.suffix.lower() in READABLE_SUFFIXES and file.is_file()
            )
            found += [FoundPdf(path=pdf, name=pdf.relative_to(path), label=str(pdf)) for pdf in inside]
        else:
            found.append(FoundPdf(path=path, name=Path(path.name), label=str(label)))
    return found


def find_clashes(pdfs: Sequence[FoundPdf], formats: Sequence[str]) -> list[Path]:
    """Return the files to which more than one result would be written."""
    targets = Counter(_target(Path(), pdf, format) for pdf in pdfs for format in formats)
    return [target for target, count in targets.items() if count > 1]


def process_all(run: Run, pdfs: Sequence[FoundPdf], at_once: int = AT_ONCE) -> Generator[Outcome, None, None]:
    """Read all PDFs, `at_once` at a time, and yield their outcomes in order. A failed PDF does not stop the rest."""
    outcomes: deque[Future[Outcome]] = deque(Future() for _ in pdfs)
    waiting: queue.SimpleQueue[tuple[Future[Outcome], FoundPdf]] = queue.SimpleQueue()
    for entry in zip(outcomes, pdfs, strict=True):
        waiting.put(entry)
    # No ThreadPoolExecutor: after Ctrl-C, Python would wait for the running tasks of its threads.
    for _ in range(min(at_once, len(pdfs))):
        threading.Thread(target=_run_thread, args=(run, waiting), daemon=True).start()
    total = run.progress.add_task("all PDFs", total=len(pdfs), unit="PDFs", visible=len(pdfs) > _MAX_BARS)
    try:
        while outcomes:
            yield outcomes.popleft().result()
            run.progress.advance(total)
    except BaseException as error:
        for outcome in outcomes:  # those that have not started
            outcome.cancel()
        if isinstance(error, (KeyboardInterrupt, GeneratorExit)):  # Ctrl-C, or the caller reads no more outcomes
            _cancel_running(run)
        raise


def _run_thread(run: Run, waiting: queue.SimpleQueue[tuple[Future[Outcome], FoundPdf]]) -> None:
    with suppress(queue.Empty):
        while True:
            outcome, pdf = waiting.get_nowait()
            if outcome.set_running_or_notify_cancel():
                try:
                    outcome.set_result(process_one(run, pdf))
                except BaseException as error:  # raised where the outcome is read
                    outcome.set_exception(error)


def _cancel_running(run: Run) -> None:
    """Cancel the running jobs, unless a resume log exists: then the same command can resume the run."""
    for job_id in [] if run.resume_log else list(run.running):
        with suppress(SlimgestError):
            run.client.cancel(job_id)


def process_one(run: Run, pdf: FoundPdf) -> Outcome:
    """Read one PDF unless an earlier run has read it. If the service refuses the PDF, the outcome has an `error`."""
    if not os.access(pdf.path, os.R_OK):
        fault = Problem(code="", message="The file cannot be opened.", hint="Check that it exists and its permissions.")
        return Outcome(pdf=pdf, error=fault, results={})
    if run.output and run.resume_log and run.resume_log.is_done(pdf.path, pdf.name):
        files = tuple(_target(run.output, pdf, format) for format in run.formats)
        if all(file.is_file() for file in files):
            return Outcome(pdf=pdf, results={}, files=files)
    key = run.resume_log.mark_started(pdf.path, pdf.name) if run.resume_log else None
    try:
        job, warnings = _read(run, pdf, key)
        outcome = (
            _fetch_results(run, pdf, job) if job.has_result else Outcome(pdf=pdf, job=job, error=job.error, results={})
        )
        outcome = replace(outcome, warnings=warnings)
    except ApiError as error:
        problem = Problem(
            code=error.problem_code, message=error.message, retryable=error.may_retry, hint=error.hint or None
        )
        return _log_end(run, Outcome(pdf=pdf, error=problem, results={}), JobStatus.FAILED)
    return _log_end(run, outcome, job.status)


def _read(run: Run, pdf: FoundPdf, key: str | None) -> tuple[Status, frozenset[str]]:
    """Submit a PDF and follow its job to the end. Return its status and the warnings of its pages."""
    bar = run.progress.add_task(str(pdf.name), total=None, unit="pages")
    job_id = _submit(run, pdf.path, key)
    run.running.add(job_id)
    warnings: set[str] = set()
    for event in run.client.stream(job_id):
        if isinstance(event, PageDone):
            run.progress.update(bar, total=event.total_pages, completed=event.pages_done)
            warnings.update(event.warnings)
    run.running.discard(job_id)
    job = run.client.status(job_id)
    visible = len(run.progress.tasks) <= 1 + _MAX_BARS
    run.progress.update(bar, total=job.total_pages or 1, completed=job.pages_done, visible=visible)
    return job, frozenset(warnings)


def _fetch_results(run: Run, pdf: FoundPdf, job: Status) -> Outcome:
    """Return the outcome of an ended job. A searchable PDF is made of the upload and may need the password again."""
    results: dict[str, bytes] = {}
    files = []
    for format in run.formats:
        password = run.password if format == "pdf" else None
        if run.output is None:
            results[format] = run.client.result_as(job.job_id, format, password, run.format_options)
        else:
            target = _target(run.output, pdf, format)
            target.parent.mkdir(parents=True, exist_ok=True)
            files.append(run.client.download(job.job_id, format, target, password, run.format_options))
    return Outcome(pdf=pdf, job=job, error=job.error, results=results, files=tuple(files))


def _submit(run: Run, path: Path, key: str | None) -> str:
    """Submit a PDF. If the job of an earlier run no longer exists, submit the PDF as a new one."""
    try:
        return run.client.submit(path, run.options, run.password, key).job_id
    except ApiError as error:
        if key is None or error.problem_code not in _KEY_UNUSABLE:
            raise
        return run.client.submit(path, run.options, run.password).job_id


def _log_end(run: Run, outcome: Outcome, status: JobStatus) -> Outcome:
    if run.resume_log:
        run.resume_log.mark_done(outcome.pdf.name, status)
    return outcome


def _target(output: Path, pdf: FoundPdf, format: str) -> Path:
    """Return the file for a result. Images keep their suffix, as in `a.jpg.md`: there is often an `a.pdf` beside."""
    if pdf.file:
        return pdf.file
    suffix, kept = FORMATS[format].suffix, pdf.name.suffix
    is_image = kept.lower() in READABLE_SUFFIXES and kept.lower() != ".pdf"
    return (output / pdf.name).with_suffix(f"{kept}{suffix}" if is_image else suffix)
