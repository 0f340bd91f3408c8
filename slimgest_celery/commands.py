"""The commands that speak to a service: thin shells over the client, and over batch.py for many PDFs."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from . import terminal
from .batch import AT_ONCE, FoundPdf, Run, clashes, find_pdfs, process_all
from .client import JobCompleted
from .formats import FORMATS
from .journal import Journal
from .model import JobStatus, Mode, Options

_URL = "http://127.0.0.1:8000"
_BINARY = ("application/pdf", "application/zip")

url_option = click.option(
    "--url", envvar="SLIMGEST_URL", default=_URL, show_default=True, help="The service (or set SLIMGEST_URL)."
)

password_option = click.option(
    "--password",
    prompt="Password of the PDF",
    prompt_required=False,
    hide_input=True,
    default=None,
    help="Password of an encrypted PDF; without a value it is asked for.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Answers for machines, one JSON object a line.")


def _job_id(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    try:
        return given and str(uuid.UUID(given))
    except ValueError as error:
        raise click.BadParameter(f"{given!r} is no id of a job; `slimgest status` lists them.") from error


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How a PDF is to be read."""
    for option in (
        password_option,
        click.option("--pages", default=None, help="Pages to read, such as 1-3,7 or 5- (default: all)."),
        click.option("--mode", type=click.Choice([mode.value for mode in Mode]), default="auto", show_default=True,
                     help="auto: the text layer where it can be trusted, else OCR."),
        click.option("--dpi", type=click.FloatRange(36, 600), default=150.0, show_default=True,
                     help="Resolution for rendering pages."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…",
                type=click.Path(exists=True, allow_dash=True, path_type=Path))  # fmt: skip
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=None,
              help="Folder for the results, a file for each PDF and format (default: the terminal).")  # fmt: skip
@click.option("-f", "--format", "forms", type=click.Choice(list(FORMATS)), multiple=True, default=("md",),
              show_default=True, help="Form of the results (zip: json, md, txt); may be given repeatedly.")  # fmt: skip
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=AT_ONCE, show_default=True,
              help="PDFs under way at one time.")  # fmt: skip
@click.option("--again", is_flag=True, help="Read also what the output folder has from an earlier run.")
@click.option("-q", "--quiet", is_flag=True, help="No progress (nor is there any where this is no terminal).")
@click.option("--url", envvar="SLIMGEST_URL", default=None, help="A running service to use (or set SLIMGEST_URL).")
@json_option
@reading_options
def process(
    paths: tuple[Path, ...], output: Path | None, forms: tuple[str, ...], jobs: int, again: bool, quiet: bool,
    url: str | None, as_json: bool, **how: Any,
) -> None:  # fmt: skip
    """Read PDFs and wait for the results.

    PATH is a file, a folder that is searched for PDFs, or - for standard input.

    \b
    slimgest process scan.pdf > scan.md
    slimgest process scans/ -o out -f md -f pdf

    Without --url everything needed is started for the occasion, and nothing is left behind. A run into a folder that
    broke off is taken up where it was by the same command: what the folder has is not read again.
    """
    password, options = how.pop("password"), _options(how)
    with terminal.user_errors(), terminal.standard_input(paths) as named:
        pdfs = find_pdfs(named, paths)
        _check_output(pdfs, output, forms, as_json)
        if output:
            output.mkdir(parents=True, exist_ok=True)  # if that cannot be, it is better said before anything is read
        journal = Journal(output, options) if output and not again else None
        with (
            terminal.service(url, quiet) as address,
            terminal.patient(address) as client,
            terminal.bars(quiet) as bars,
        ):
            run = Run(client=client, options=options, password=password, forms=forms, output=output, journal=journal,
                      bars=bars)  # fmt: skip
            with closing(process_all(run, pdfs, jobs)) as outcomes, terminal.resumable(journal):
                well = [terminal.deliver(outcome, as_json) for outcome in outcomes]
    sys.exit(0 if all(well) else 1)


@click.command()
@click.argument("pdf", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@url_option
@click.option("--callback-url", metavar="URL", help="Gets a signed message when the job has ended.")
@json_option
@reading_options
def submit(pdf: Path, url: str, callback_url: str | None, as_json: bool, **how: Any) -> None:
    """Queue a PDF at a running service.

    Prints the id of the job. With - for PDF, standard input is taken.

    \b
    id=$(slimgest submit scan.pdf) && slimgest watch $id && slimgest result $id
    """
    password, options = how.pop("password"), _options(how)
    with terminal.user_errors(), terminal.standard_input((pdf,)) as (named,), terminal.client(url) as client:
        queued = client.submit(named, options, password, callback_url=callback_url)
        click.echo(queued.model_dump_json() if as_json else queued.job_id)


@click.command()
@click.argument("job_id", required=False, callback=_job_id)
@url_option
@json_option
def status(job_id: str | None, url: str, as_json: bool) -> None:
    """Print where a job stands.

    Without an id: how the service is, and its latest jobs.
    """
    with terminal.user_errors(), terminal.client(url) as client:
        if job_id:
            click.echo(client.status(job_id).model_dump_json(indent=None if as_json else 2))
            return
        service, entries = client.service(), client.list(limit=20)
        if as_json:
            click.echo(json.dumps({"service": service, "jobs": [entry.model_dump(mode="json") for entry in entries]}))
            return
        click.echo(json.dumps(service, indent=2))
        for entry in entries:
            click.echo(terminal.line(entry))


@click.command()
@click.argument("job_id", callback=_job_id)
@url_option
@json_option
def watch(job_id: str, url: str, as_json: bool) -> None:
    """Follow a job, from its first page to its end.

    Ends with 0 where every page was read, else with 1.
    """
    with terminal.user_errors(), terminal.patient(url) as client:
        for event in client.stream(job_id):
            terminal.tell_event(event, as_json)
        sys.exit(0 if isinstance(event, JobCompleted) and event.status == JobStatus.COMPLETED else 1)


@click.command()
@click.argument("job_id", callback=_job_id)
@click.option("-f", "--format", "form", type=click.Choice(list(FORMATS)), default="md", show_default=True,
              help="Form of the result (zip: json, md and txt).")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=None,
              help="File for it (default: the terminal).")  # fmt: skip
@password_option
@url_option
def result(job_id: str, form: str, output: Path | None, password: str | None, url: str) -> None:
    """Fetch an ended job's document.

    \b
    slimgest result 0f6c… -f pdf -o searchable.pdf
    """
    with terminal.user_errors(), terminal.client(url) as client:
        if output:
            client.download(job_id, form, output, password)
        elif _is_binary(form) and sys.stdout.isatty():
            raise click.UsageError(f"The format {form} is no text to be printed. Name a file for it with -o FILE.")
        else:
            terminal.write(client.result_as(job_id, form, password))


@click.command()
@click.argument("job_id", callback=_job_id)
@click.option("--pages", default=None, help="Pages to read again, such as 1-3,7 (default: those that failed).")
@password_option
@url_option
@json_option
def retry(job_id: str, pages: str | None, password: str | None, url: str, as_json: bool) -> None:
    """Read an ended job's failed pages again."""
    with terminal.user_errors(), terminal.client(url) as client:
        terminal.tell(client.retry(job_id, pages, password), as_json)


@click.command()
@click.argument("job_id", callback=_job_id)
@url_option
@json_option
def cancel(job_id: str, url: str, as_json: bool) -> None:
    """Cancel a job; what was read stays readable."""
    with terminal.user_errors(), terminal.client(url) as client:
        terminal.tell(client.cancel(job_id), as_json)


# --- Wrong use --------------------------------------------------------------------------------------------------------


def _options(how: dict[str, Any]) -> Options:
    try:
        return Options.model_validate({name: value for name, value in how.items() if value is not None})
    except ValueError as error:
        raise click.UsageError("pages: must be page numbers from 1 and ranges, such as 1-3,7") from error


def _check_output(pdfs: list[FoundPdf], output: Path | None, forms: tuple[str, ...], as_json: bool) -> None:
    """Raises where the results would have no place, or one place for two."""
    if not pdfs:
        raise click.UsageError("There is no PDF in these folders: files in them are taken whose names end in .pdf.")
    if clashing := clashes(pdfs, forms):
        raise click.UsageError(f"Two results would be written to {clashing[0]}. Read them into folders of their own.")
    if output is not None:
        return
    binary = [form for form in forms if _is_binary(form)]
    if binary and (as_json or sys.stdout.isatty()):
        raise click.UsageError(f"The format {binary[0]} is no text to be printed. Name a folder for it with -o DIR.")
    if not as_json and len(forms) * len(pdfs) > 1 and (len(forms) > 1 or binary):
        raise click.UsageError("Several results cannot go to one place. Name a folder for them with -o DIR.")


def _is_binary(form: str) -> bool:
    return FORMATS[form].media_type in _BINARY


ALL = (process, submit, status, watch, result, retry, cancel)
