"""The `slimgest` command. Each subcommand is a thin shell over the client, or over `python -m workers`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .access import make_key, parse_keys
from .batch import Outcome, find_pdfs, process_all
from .client import ApiError, Client, ServiceUnreachable
from .config import Settings, SettingsError
from .deliveries import make_secret, secret_for
from .diagnosis import findings
from .errors import SlimgestError
from .formats import FORMATS
from .local import LocalService, LocalServiceFailed
from .model import JobStatus, Mode, Options, Status

_URL = "http://127.0.0.1:8000"
_progress_to = Console(stderr=True)

url_option = click.option(
    "--url", envvar="SLIMGEST_URL", default=_URL, show_default=True, help="The service (or set SLIMGEST_URL)."
)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How a PDF is to be read."""
    for option in (
        click.option("--password", prompt="Password of the PDF", prompt_required=False, hide_input=True, default=None,
                     help="Password of an encrypted PDF; without a value it is asked for."),
        click.option("--pages", default=None, help="Pages to read, such as 1-3,7 or 5- (default: all)."),
        click.option("--mode", type=click.Choice([mode.value for mode in Mode]), default="auto", show_default=True,
                     help="auto: the text layer where it can be trusted, else OCR."),
        click.option("--dpi", type=click.FloatRange(36, 600), default=150.0, show_default=True,
                     help="Resolution for rendering pages."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("slimgest"), prog_name="slimgest")
def main() -> None:
    """PDFs in; text, boxes and confidence out, page by page.

    \b
    slimgest process scan.pdf            read a PDF here and now, Markdown to the terminal
    slimgest up                          run the service: workers and an HTTP API on port 8000
    slimgest submit scan.pdf             queue a PDF at a running service
    """


# --- Running ----------------------------------------------------------------------------------------------------------


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine although no API keys are set.")
@click.option("--reload", is_flag=True, help="Restart the API when its source changes (development).")
def up(host: str, port: int, insecure: bool, reload: bool) -> None:
    """Run everything: Redis if none is set, workers, beat and the API. Ctrl-C ends all of it."""
    flags = [flag for flag, given in (("--reload", reload), ("--insecure", insecure)) if given]
    _become("up", "--host", host, "--port", str(port), *flags)


@main.command()
def worker() -> None:
    """Run SLIMGEST_NUM_WORKERS workers against the Redis at SLIMGEST_REDIS_URL."""
    _become("worker")


def _become(*arguments: str) -> None:
    """Processes and their supervision are the business of `workers`, which this library never imports."""
    os.execv(sys.executable, [sys.executable, "-m", "workers", *arguments])  # noqa: S606


@main.command()
@click.argument("name")
def key(name: str) -> None:
    """Make an API key for NAME: the key for its owner, and what to add to SLIMGEST_API_KEYS."""
    secret, pair = make_key(name)
    try:
        parse_keys(pair)
    except ValueError as error:
        raise click.UsageError("NAME must be 1 to 64 letters, digits, dots, dashes or underscores.") from error
    click.echo(f"Key for {name} (shown only now): {secret}\nAdd to SLIMGEST_API_KEYS:          {pair}")


@main.command("webhook-secret")
@click.argument("owner", required=False)
def webhook_secret(owner: str | None) -> None:
    """Make a secret for SLIMGEST_WEBHOOK_SECRET; or, where that is set, tell the one for OWNER, who has an API key."""
    if owner is None:
        click.echo(make_secret())
        return
    try:
        known = Settings.from_env().webhook_secrets
    except SettingsError as error:
        raise click.UsageError(f"These settings are wrong:\n{error}") from error
    if not known:
        raise click.UsageError("SLIMGEST_WEBHOOK_SECRET is not set; `slimgest webhook-secret` makes one for it.")
    for secret in known:
        click.echo(secret_for(secret, owner))


@main.command()
def doctor() -> None:
    """Say what this machine has and lacks, and what to do about it."""
    found = findings()
    for finding in found:
        mark = "[green]ok  [/]" if finding.well else "[red]MISS[/]" if finding.needed else "[yellow]none[/]"
        Console().print(f"{mark} {finding.what}", highlight=False)
        if not finding.well:
            Console().print(f"     {finding.advice}", highlight=False)
    if not all(finding.well for finding in found if finding.needed):
        sys.exit(1)


# --- Reading ----------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH…")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=None,
              help="Folder for the results, one file per PDF (default: the terminal).")  # fmt: skip
@click.option("-f", "--format", "form", type=click.Choice(list(FORMATS)), default="md", show_default=True,
              help="Form of the results.")  # fmt: skip
@click.option("--url", envvar="SLIMGEST_URL", default=None, help="Use a running service instead of starting one.")
@reading_options
def process(paths: tuple[Path, ...], output: Path | None, form: str, url: str | None, **how: Any) -> None:
    """Read PDFs (files, or folders of them) and wait for the results.

    Without --url everything needed is started for the occasion, and nothing is left behind.
    """
    pdfs = find_pdfs(paths)
    if not pdfs:
        raise click.UsageError("There is no PDF in these folders.")
    password, options = how.pop("password"), Options.model_validate(_given(how))
    with _user_errors(), _service(url) as address, _client(address) as client:
        with _bars() as bars:
            outcomes = process_all(client, pdfs, options, password, form, bars)
        written = [_deliver(outcome, output, form) for outcome in outcomes]
    for outcome in outcomes:
        if outcome.trouble:
            _progress_to.print(f"{outcome.pdf.path}: {outcome.trouble}", style="red", markup=False, highlight=False)
    sys.exit(0 if all(written) else 1)


@main.command()
@click.argument("pdf", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@url_option
@click.option("--callback-url", metavar="URL", help="Where the service tells the job's end.")
@reading_options
def submit(pdf: Path, url: str, callback_url: str | None, **how: Any) -> None:
    """Queue a PDF at a running service and print its job id."""
    password, options = how.pop("password"), Options.model_validate(_given(how))
    with _user_errors(), _client(url) as client:
        click.echo(client.submit(pdf, options, password, callback_url=callback_url).job_id)


@main.command()
@click.argument("job_id", required=False)
@url_option
def status(job_id: str | None, url: str) -> None:
    """Print where a job stands; without an id, the service and its latest jobs."""
    with _user_errors(), _client(url) as client:
        if job_id:
            click.echo(client.status(job_id).model_dump_json(indent=2))
            return
        click.echo(json.dumps(client.service(), indent=2))
        for entry in client.list(limit=20):
            click.echo(_line(entry))


@main.command()
@click.argument("job_id")
@url_option
def watch(job_id: str, url: str) -> None:
    """Follow a job, from its first page to its end."""
    with _user_errors(), _client(url) as client:
        for event in client.stream(job_id):
            click.echo(f"{event.type:8} {json.dumps(event.data, ensure_ascii=False)}")
        sys.exit(0 if client.status(job_id).status == JobStatus.COMPLETED else 1)


@main.command()
@click.argument("job_id")
@click.option("--pages", default=None, help="Pages to read again, such as 1-3,7 (default: those that failed).")
@url_option
def retry(job_id: str, pages: str | None, url: str) -> None:
    """Read an ended job's failed pages again."""
    with _user_errors(), _client(url) as client:
        click.echo(_line(client.retry(job_id, pages)))


@main.command()
@click.argument("job_id")
@url_option
def cancel(job_id: str, url: str) -> None:
    """Cancel a job; pages read until then stay readable."""
    with _user_errors(), _client(url) as client:
        click.echo(_line(client.cancel(job_id)))


# --- What the commands share ------------------------------------------------------------------------------------------


def _given(how: dict[str, Any]) -> dict[str, Any]:
    try:
        return Options.model_validate({name: value for name, value in how.items() if value is not None}).model_dump()
    except ValueError as error:
        raise click.UsageError("pages: must be page numbers from 1 and ranges, such as 1-3,7") from error


@contextmanager
def _service(url: str | None) -> Iterator[str]:
    if url:
        yield url
        return
    with LocalService.start() as service:
        with _progress_to.status("Starting Redis, workers and the API …"):
            service.wait_ready()
        yield service.url


def _client(url: str) -> Client:
    """A client with the key in SLIMGEST_API_KEY, if there is one: an option would be seen by every user."""
    return Client(url, os.environ.get("SLIMGEST_API_KEY"))


def _bars() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("pages"))
    return Progress(*columns, TimeElapsedColumn(), console=_progress_to)


def _deliver(outcome: Outcome, output: Path | None, form: str) -> bool:
    """Writes a result to its file or to the terminal; whether all is well with it."""
    if outcome.result is not None:
        if output is None:
            sys.stdout.buffer.write(outcome.result)
            sys.stdout.flush()
        else:
            target = (output / outcome.pdf.name).with_suffix(FORMATS[form].suffix)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(outcome.result)
    return not outcome.trouble


def _line(entry: Status) -> str:
    pages = f"{entry.pages_done}/{'?' if entry.total_pages is None else entry.total_pages}"
    return f"{entry.job_id}  {entry.status:10}  {pages:>11} pages  {entry.filename}"


@contextmanager
def _user_errors() -> Iterator[None]:
    """Failures as one sentence and exit code 1; never a traceback."""
    try:
        yield
    except ApiError as error:
        raise click.ClickException(f"{error.message} ({error.problem_code})") from error
    except ServiceUnreachable as error:
        raise click.ClickException(f"{error.message} Start one with `slimgest up`, or name it with --url.") from error
    except (SlimgestError, LocalServiceFailed) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
