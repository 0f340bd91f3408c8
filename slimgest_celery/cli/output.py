"""Shared functions of the commands: the client, standard input, output, progress and error messages."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from slimgest_celery.cli.batch import Outcome, counted
from slimgest_celery.cli.error_hints import error_text
from slimgest_celery.cli.local_service import LocalService, LocalServiceFailed
from slimgest_celery.cli.resume_log import ResumeLog
from slimgest_celery.client import (
    AnswerInvalid,
    ApiError,
    Client,
    JobCompleted,
    JobEvent,
    JobFailed,
    JobStarted,
    PageDone,
    ServiceUnreachable,
)
from slimgest_celery.errors import RequestInvalid, SlimgestError
from slimgest_celery.models.file_type import HEAD_BYTES, FileType, recognise
from slimgest_celery.models.job import JobStatus, Status
from slimgest_celery.models.page import Source

_DASH = Path("-")
_RETRY_S = 3.0  # short, because a person waits, and a wrong address is more likely than a restart
_INTERRUPTED, _PIPE_CLOSED = 130, 141  # the exit codes that a shell gives for SIGINT and SIGPIPE
_HOW_READ = {Source.TEXT_LAYER: "from the text layer", Source.OCR: "by OCR"}
_stderr = Console(stderr=True)


# --- The service ------------------------------------------------------------------------------------------------------


def client(url: str, retry_for_s: float = _RETRY_S, queue_for_s: float = 0) -> Client:
    """Return a client with the key in SLIMGEST_API_KEY. An option would show the key to all users of the machine."""
    key = os.environ.get("SLIMGEST_API_KEY")
    try:
        return Client(url, key, retry_for_s=retry_for_s, queue_for_s=queue_for_s)
    except RequestInvalid as error:
        raise click.UsageError(error_text(error.message, hint=error.hint)) from error


def patient_client(url: str) -> Client:
    """Return a client that waits for a restart of the service and for a full queue, if the service answers at first."""
    with client(url) as first:
        first.service()
    return client(url, retry_for_s=60, queue_for_s=math.inf)


@contextmanager
def running_service(url: str | None, quiet: bool) -> Iterator[str]:
    """Yield `url`, or the address of a temporary private service if `url` is None."""
    if url:
        yield url
        return
    with LocalService.start() as started:
        with nullcontext() if is_silent(quiet) else _stderr.status("Starting Redis, workers and the API …"):
            started.wait_ready()
        yield started.url


# --- Input ------------------------------------------------------------------------------------------------------------


@contextmanager
def standard_input(paths: tuple[Path, ...]) -> Iterator[tuple[Path, ...]]:
    """Yield the paths, with `-` replaced by a file that contains standard input."""
    if _DASH not in paths:
        yield paths
        return
    with tempfile.TemporaryDirectory() as folder:
        head = sys.stdin.buffer.read(HEAD_BYTES)
        file_type = recognise(head) or FileType.PDF  # the service decides, and names a file of another type
        stored = Path(folder) / f"stdin{file_type.suffix}"
        with stored.open("wb") as file:
            file.write(head)
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield tuple(stored if path == _DASH else path for path in paths)


# --- Output -----------------------------------------------------------------------------------------------------------


def progress_bars(quiet: bool) -> Progress:
    name, unit = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[unit]}")
    columns = (name, BarColumn(), MofNCompleteColumn(), unit, TimeElapsedColumn())
    return Progress(*columns, console=_stderr, disable=is_silent(quiet))


def is_silent(quiet: bool) -> bool:
    return quiet or not _stderr.is_terminal


def print_outcome(outcome: Outcome, as_json: bool) -> bool:
    """Print the results of a PDF that are not in files, and its problem. Return True if every page was read."""
    if as_json:
        click.echo(json.dumps(_as_dict(outcome), ensure_ascii=False))
        return not outcome.problem_text
    for result in outcome.results.values():
        write_result(result)
    for text, style in ((outcome.warning_text, "yellow"), (outcome.problem_text, "red")):
        if text:
            line = f"{outcome.pdf.label}: {text}"
            _stderr.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
    return not outcome.problem_text


def write_result(result: bytes) -> None:
    """Write bytes to standard output, unbuffered."""
    sys.stdout.buffer.write(result)
    sys.stdout.flush()


def _as_dict(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome for JSON output."""
    job, error = outcome.job, outcome.error
    return {
        "path": outcome.pdf.label,
        "status": job.status if job else "failed" if error else "skipped",
        "job_id": job.job_id if job else None,
        "total_pages": job.total_pages if job else None,
        "pages_failed": job.pages_failed if job else None,
        "pages_with_warnings": job.pages_with_warnings if job else None,
        "warnings": sorted(outcome.warnings),
        "error": error.model_dump() if error else None,
        "files": [str(file) for file in outcome.files],
        "results": {format: result.decode() for format, result in outcome.results.items()},
    }


def print_job(entry: Status, as_json: bool) -> None:
    click.echo(entry.model_dump_json() if as_json else job_line(entry))


def print_how(service: dict[str, Any], languages: str, quiet: bool) -> None:
    """Say in one line with what PDFs are read, and in which languages, unless nobody watches."""
    if is_silent(quiet):
        return
    workers = service["workers"]
    started = [worker for worker in workers if worker["state"] != "starting"]  # earlier, the engine may be "auto"
    engines = ", ".join(sorted({worker["engine"] for worker in started or workers})) or "no engine"
    count = f"{len(workers)} {'worker' if len(workers) == 1 else 'workers'}"
    devices = ", ".join(sorted({worker["device"] for worker in workers}))
    line = f"Reading with {engines} on {count} ({devices}); languages: {languages}"
    _stderr.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)


def service_table(service: dict[str, Any], entries: Sequence[Status]) -> str:
    """Return the workers, the queue and the latest jobs of a service as lines."""
    lines = [f"{worker['name']:20}  {worker['state']:8}  {worker['engine']}" for worker in service["workers"]]
    queue = service["queue"]
    waiting = f"{queue['pending_jobs']} of {queue['limit']} jobs in the queue, {queue['pages_ahead']} pages to read"
    return "\n".join([*(lines or ["no workers"]), waiting, *(map(job_line, entries) if entries else ["no jobs"])])


def job_table(job: Status) -> str:
    """Return the status of a job as lines of names and values."""
    fields = {name: value for name, value in job.model_dump(mode="json").items() if value not in (None, {}, [])}
    width = max(map(len, fields))
    return "\n".join(f"{name.replace('_', ' '):{width}}  {_value_text(value)}" for name, value in fields.items())


def _value_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={item}" for name, item in value.items() if item is not None)
    return str(value)


def job_line(entry: Status) -> str:
    """Return a job as one line of a list."""
    pages = f"{entry.pages_done}/{'?' if entry.total_pages is None else entry.total_pages}"
    return f"{entry.job_id}  {entry.status:10}  {pages:>11} pages  {entry.filename}"


def print_queued(job: Status) -> None:
    """Say that a job waits: its first event comes when a worker opens it."""
    if job.status == JobStatus.QUEUED:
        ahead = f"; {counted(job.pages_ahead, 'page')} of earlier jobs to read first" if job.pages_ahead else ""
        click.echo(f"{job.filename}: queued{ahead}", err=True)


def print_event(event: JobEvent, job_id: str, as_json: bool) -> None:
    if as_json:
        data = event.model_dump(mode="json", exclude={"type", "id"})
        click.echo(json.dumps({"type": event.type, "data": data}, ensure_ascii=False))
    else:
        click.echo(event_text(event, job_id))


def event_text(event: JobEvent, job_id: str) -> str:
    """Return an event as a line for a person."""
    match event:
        case JobStarted():
            return f"{event.filename}: {counted(event.total_pages, 'page')} to read"
        case PageDone():
            failed = f", {event.pages_failed} failed" if event.pages_failed else ""
            how = _HOW_READ.get(event.source, event.status) if event.source else event.status
            warnings = "".join(f", {code}" for code in event.warnings)
            return f"page {event.page_number}: {how}{warnings} ({event.pages_done} of {event.total_pages} done{failed})"
        case JobCompleted():
            warned = f", {event.pages_with_warnings} with warnings" if event.pages_with_warnings else ""
            if not event.pages_failed:
                return f"{event.status}: {counted(event.total_pages, 'page')} read{warned}"
            failed = f"{event.pages_failed} of {counted(event.total_pages, 'page')} failed"
            return f"{event.status}: {failed}{warned}. Read what failed again with `slimgest retry {job_id}`."
        case JobFailed():
            return error_text(event.message, event.code, event.hint)


# --- Errors -----------------------------------------------------------------------------------------------------------


@contextmanager
def report_errors() -> Iterator[None]:
    """Report failures on one line, without a traceback, and exit with code 1."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # Otherwise Python would report at exit that standard output cannot be flushed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_PIPE_CLOSED)
    except SlimgestError as error:
        raise click.ClickException(_error_text(error)) from error
    except LocalServiceFailed as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(_os_error_text(error)) from error


@contextmanager
def resume_notice(resume_log: ResumeLog | None) -> Iterator[None]:
    """Say after an interruption that the same command resumes the run."""
    try:
        yield
    except (KeyboardInterrupt, SlimgestError, OSError):
        if resume_log:
            click.echo("The same command resumes this run.", err=True)
        raise


def api_error_text(error: ApiError) -> str:
    return error_text(error.message, error.problem_code, error.hint)


def _error_text(error: SlimgestError) -> str:
    match error:
        case ApiError():
            return api_error_text(error)
        case ServiceUnreachable():
            return error_text(error.message, hint="Start a service with `slimgest up`, or give its address with --url.")
        case AnswerInvalid():
            return error_text(error.message, hint="Check --url or SLIMGEST_URL.")
    return error_text(error.message, error.code, error.hint)


def _os_error_text(error: OSError) -> str:
    where = f"{error.filename} cannot be read or written" if error.filename else "A file cannot be written"
    return f"{where}: {error.strerror}. Check the file's permissions and the free disk space."
