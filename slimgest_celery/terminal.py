"""What the commands share: the client they use, what they take in, show and say."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import advice
from .batch import Outcome
from .client import (
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
from .errors import RequestInvalid, SlimgestError
from .journal import Journal
from .local import LocalService, LocalServiceFailed
from .model import Status

_DASH = Path("-")
_SOON_S = 3.0  # a person waits: a service that is away is more likely at another address than about to come back
_INTERRUPTED, _NOBODY_READS = 130, 141  # as a shell tells of SIGINT and SIGPIPE
_progress_to = Console(stderr=True)


# --- The service ------------------------------------------------------------------------------------------------------


def client(url: str, retry_for_s: float = _SOON_S, queue_for_s: float = 0) -> Client:
    """A client with the key in SLIMGEST_API_KEY, if there is one: an option would be seen by every user."""
    key = os.environ.get("SLIMGEST_API_KEY")
    try:
        return Client(url, key, retry_for_s=retry_for_s, queue_for_s=queue_for_s)
    except RequestInvalid as error:
        raise click.UsageError(error.message) from error


def patient(url: str) -> Client:
    """A client for work that outlasts a restart of the service, which must be there to begin with, and a full queue."""
    with client(url) as first:
        first.service()
    return client(url, retry_for_s=60, queue_for_s=math.inf)


@contextmanager
def service(url: str | None, quiet: bool) -> Iterator[str]:
    """The address of the service at `url`, or of one of our own for a while."""
    if url:
        yield url
        return
    with LocalService.start() as started:
        with nullcontext() if is_silent(quiet) else _progress_to.status("Starting Redis, workers and the API …"):
            started.wait_ready()
        yield started.url


# --- Taken in ---------------------------------------------------------------------------------------------------------


@contextmanager
def standard_input(paths: tuple[Path, ...]) -> Iterator[tuple[Path, ...]]:
    """The paths, with standard input as a file in the place of `-`."""
    if _DASH not in paths:
        yield paths
        return
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "stdin.pdf"
        with stored.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield tuple(stored if path == _DASH else path for path in paths)


# --- Shown ------------------------------------------------------------------------------------------------------------


def bars(quiet: bool) -> Progress:
    name, unit = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[unit]}")
    columns = (name, BarColumn(), MofNCompleteColumn(), unit, TimeElapsedColumn())
    return Progress(*columns, console=_progress_to, disable=is_silent(quiet))


def is_silent(quiet: bool) -> bool:
    return quiet or not _progress_to.is_terminal


def deliver(outcome: Outcome, as_json: bool) -> bool:
    """Tells of a PDF: its results where they are in no files, and what went wrong; whether all is well with it."""
    if as_json:
        click.echo(json.dumps(_told(outcome), ensure_ascii=False))
        return not outcome.trouble
    for result in outcome.results.values():
        write(result)
    if outcome.trouble:
        told = f"{outcome.pdf.shown}: {outcome.trouble}"
        _progress_to.print(told, style="red", markup=False, highlight=False, soft_wrap=True)
    return not outcome.trouble


def write(result: bytes) -> None:
    """Writes to standard output, at once."""
    sys.stdout.buffer.write(result)
    sys.stdout.flush()


def _told(outcome: Outcome) -> dict[str, Any]:
    """An outcome for machines."""
    job, error = outcome.job, outcome.error
    return {
        "path": outcome.pdf.shown,
        "status": job.status if job else "failed" if error else "skipped",
        "job_id": job.job_id if job else None,
        "total_pages": job.total_pages if job else None,
        "pages_failed": job.pages_failed if job else None,
        "error": error.model_dump() if error else None,
        "files": [str(file) for file in outcome.files],
        "results": {form: result.decode() for form, result in outcome.results.items()},
    }


def tell(entry: Status, as_json: bool) -> None:
    click.echo(entry.model_dump_json() if as_json else line(entry))


def line(entry: Status) -> str:
    """A job for a list of them."""
    pages = f"{entry.pages_done}/{'?' if entry.total_pages is None else entry.total_pages}"
    return f"{entry.job_id}  {entry.status:10}  {pages:>11} pages  {entry.filename}"


def tell_event(event: JobEvent, as_json: bool) -> None:
    if as_json:
        told = event.model_dump(mode="json", exclude={"type", "id"})
        click.echo(json.dumps({"type": event.type, "data": told}, ensure_ascii=False))
    else:
        click.echo(f"{event.type:8} {_in_words(event)}")


def _in_words(event: JobEvent) -> str:
    match event:
        case JobStarted():
            return f"{event.filename}: {event.total_pages} pages to read"
        case PageDone():
            failed = f", {event.pages_failed} failed" if event.pages_failed else ""
            how = event.source or event.status
            return f"{event.page_number}: {how} ({event.pages_done} of {event.total_pages} done{failed})"
        case JobCompleted():
            return f"{event.status}: {event.pages_failed} of {event.total_pages} pages failed"
        case JobFailed():
            return advice.sentence(event.code, event.message)


# --- Said when it went wrong ------------------------------------------------------------------------------------------


@contextmanager
def user_errors() -> Iterator[None]:
    """Failures as one sentence and exit code 1; never a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # Python would complain at its end that it cannot flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_NOBODY_READS)
    except ApiError as error:
        raise click.ClickException(advice.sentence(error.problem_code, error.message)) from error
    except ServiceUnreachable as error:
        raise click.ClickException(f"{error.message} Start one with `slimgest up`, or name it with --url.") from error
    except AnswerInvalid as error:
        raise click.ClickException(f"{error.message} Look at --url, or SLIMGEST_URL.") from error
    except (SlimgestError, LocalServiceFailed) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(_of_system(error)) from error


@contextmanager
def resumable(journal: Journal | None) -> Iterator[None]:
    """Says of a run that breaks off that it can be taken up."""
    try:
        yield
    except (KeyboardInterrupt, SlimgestError, OSError):
        if journal:
            click.echo("The same command takes this run up where it was.", err=True)
        raise


def _of_system(error: OSError) -> str:
    where = f"{error.filename} cannot be read or written" if error.filename else "A file cannot be written"
    return f"{where}: {error.strerror}. Look at its rights and at the room on the disk."
