"""The commands that use a service: thin functions over the client, and over batch.py for many PDFs."""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any, cast

import click

from slimgest_celery.cli import output as terminal
from slimgest_celery.cli.batch import AT_ONCE, FoundPdf, Run, Summary, find_clashes, find_pdfs, process_all
from slimgest_celery.cli.resume_log import ResumeLog
from slimgest_celery.client import ApiError, JobCompleted, ResultFormat
from slimgest_celery.config import Settings
from slimgest_celery.formats.registry import FORMATS
from slimgest_celery.models.job import JobStatus, Mode, Options
from slimgest_celery.models.results import FormatOptions

_URL = "http://127.0.0.1:8000"
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_BINARY = ("application/pdf", "application/zip")

url_option = click.option(
    "--url",
    envvar="SLIMGEST_URL",
    default=_URL,
    show_default=True,
    help="Address of the service (or set SLIMGEST_URL).",
)

password_option = click.option(
    "--password",
    prompt="Password of the PDF",
    prompt_required=False,
    hide_input=True,
    default=None,
    help="Password of an encrypted PDF. Without a value, the command asks for it.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")


def _job_id(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    try:
        return given and str(uuid.UUID(given))
    except ValueError as error:
        raise click.BadParameter(f"{given!r} is not a job id; `slimgest jobs` lists them.") from error


def _moment(context: click.Context, parameter: click.Parameter, given: str | None) -> datetime | None:
    if given is None:
        return None
    if match := re.fullmatch(r"([0-9]{1,6})([mhd])", given):
        return datetime.now(UTC) - int(match[1]) * _UNITS[match[2]]
    try:
        return datetime.fromisoformat(given).astimezone()  # without a zone: local time
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{given!r} is not a time; try 12h, 7d or 2026-11-25.") from error


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that determine how a PDF is read."""
    for option in (
        password_option,
        click.option("--pages", default=None, help="Pages to read, such as 1-3,7 or 5- (default: all pages)."),
        click.option("--mode", type=click.Choice([mode.value for mode in Mode]), default="auto", show_default=True,
                     help="auto: the text layer if it can be trusted, otherwise OCR; ocr: always OCR; text: never."),
        click.option("--dpi", type=click.FloatRange(36, 600), default=150.0, show_default=True,
                     help="Resolution at which pages are rendered for OCR."),
        click.option("-l", "--languages", default=None, metavar="LIST",
                     help="Languages of the pages: auto, or such as de,rus,chi_sim (default: as the service is set)."),
    ):  # fmt: skip
        command = option(command)
    return command


def format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the formats; the command receives them together as `options`."""

    @wraps(command)
    def with_options(*args: Any, **given: Any) -> Any:
        chosen = {name: given.pop(name) for name in FormatOptions.model_fields}
        try:
            options = FormatOptions.model_validate({name: value for name, value in chosen.items() if value is not None})
        except ValueError as error:
            raise click.UsageError("--overlap must be at most half of --max-tokens.") from error
        return command(*args, format_options=options, **given)

    decorated: Callable[..., Any] = with_options
    for option in (
        click.option("--title", type=click.Choice(["none", "filename"]), default=None,
                     help="filename: md and html begin with the file name as a heading (default: none)."),
        click.option("--headers", type=click.Choice(["drop", "keep"]), default=None,
                     help="keep: running headers, footers and page numbers stay in md, txt, html and chunks."),
        click.option("--max-tokens", type=click.IntRange(32, 32768), default=None,
                     help="Largest size of a chunk in the format chunks, in estimated tokens (default: 512)."),
        click.option("--overlap", type=click.IntRange(0, 16384), default=None,
                     help="Part of a chunk that repeats the end of the one before, in tokens (default: 0)."),
    ):  # fmt: skip
        decorated = option(decorated)
    return decorated


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…",
                type=click.Path(exists=True, allow_dash=True, path_type=Path))  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), default=None,
              help="Folder for the results, one file per PDF and format. For one PDF also a file, such as out.txt "
                   "(default: standard output).")  # fmt: skip
@click.option("-f", "--format", "formats", type=click.Choice(list(FORMATS)), multiple=True,
              help="Format of the results; may be repeated. zip: json, md and txt (default: as the name of the output "
                   "file says, or md).")  # fmt: skip
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=AT_ONCE, show_default=True,
              help="Number of PDFs that are read at the same time.")  # fmt: skip
@click.option("--again", is_flag=True, help="Also read PDFs whose results already exist.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress. Without a terminal, none is shown anyway.")
@click.option("--url", envvar="SLIMGEST_URL", default=None, help="Address of a running service (or set SLIMGEST_URL).")
@json_option
@reading_options
@format_options
def process(
    paths: tuple[Path, ...], output: Path | None, formats: tuple[ResultFormat, ...], jobs: int, again: bool,
    quiet: bool, url: str | None, as_json: bool, format_options: FormatOptions, **how: Any,
) -> None:  # fmt: skip
    """Read PDFs and images and wait for the results.

    PATH is a file, a folder that is searched for PDFs and images, or - for standard input.

    \b
    Examples:
      slimgest process scan.pdf -o scan.txt          the text of one PDF
      slimgest process photo.jpg                     the text of a photo
      slimgest process scans/ -o out -f md -f pdf    a folder: Markdown and searchable PDFs
      slimgest process book.pdf --pages 5-20 -f txt  the text of some pages
      slimgest process scan.pdf --json -f txt        one JSON object, for programs

    Without --url, the command starts a temporary service and stops it afterwards. With -o, the same command resumes an
    interrupted run: it reads only the PDFs that have no results yet.

    The exit code is 0 if every page was read, otherwise 1.
    """
    password, options = how.pop("password"), _options(how)
    with terminal.report_errors(), terminal.standard_input(paths) as named:
        pdfs = find_pdfs(named, paths)
        file = _output_file(output, paths, formats, again)
        formats = formats or ((file and _format_of(file)) or "md",)
        pdfs, output = ([replace(pdfs[0], file=file)], file.parent) if file else (pdfs, output)
        _check_output(pdfs, output, formats, as_json)
        if output:
            output.mkdir(parents=True, exist_ok=True)  # report a folder that cannot be created before anything is read
        resume_log = ResumeLog(output, options) if output and not again and not file else None
        with (
            terminal.running_service(url, quiet) as address,
            terminal.patient_client(address) as client,
            terminal.progress_bars(quiet) as progress,
        ):
            run = Run(
                client=client,
                options=options,
                password=password,
                formats=formats,
                format_options=format_options,
                output=output,
                resume_log=resume_log,
                progress=progress,
            )
            terminal.print_how(client.service(), _languages(options, url), quiet)
            summary = Summary()
            with closing(process_all(run, pdfs, jobs)) as outcomes, terminal.resume_notice(resume_log):
                for outcome in outcomes:
                    summary.add(outcome, succeeded=terminal.print_outcome(outcome, as_json))
        if len(pdfs) > 1 and not quiet:
            click.echo(summary.text(), err=True)
    sys.exit(0 if summary.succeeded else 1)


@click.command()
@click.argument("pdfs", nargs=-1, required=True, metavar="PDF…",
                type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))  # fmt: skip
@url_option
@click.option("--callback-url", metavar="URL", help="Address that receives a signed message when the job ends.")
@json_option
@reading_options
def submit(pdfs: tuple[Path, ...], url: str, callback_url: str | None, as_json: bool, **how: Any) -> None:
    """Queue PDFs and images at a running service and print the job id of each.

    PDF is a file, which may be an image, or - for standard input. One that is refused does not stop the others; the
    exit code is 1 then.

    \b
    Examples:
      id=$(slimgest submit scan.pdf) && slimgest watch $id && slimgest result $id
      slimgest submit *.pdf
    """
    password, options = how.pop("password"), _options(how)
    refused = False
    with terminal.report_errors(), terminal.standard_input(pdfs) as named, terminal.client(url) as client:
        for pdf, path in zip(pdfs, named, strict=True):
            try:
                queued = client.submit(path, options, password, callback_url=callback_url)
            except ApiError as error:
                if len(pdfs) == 1:
                    raise
                refused = True
                click.echo(f"{pdf}: {terminal.api_error_text(error)}", err=True)
            else:
                click.echo(queued.model_dump_json() if as_json else queued.job_id)
    sys.exit(1 if refused else 0)


@click.command()
@click.argument("job_id", required=False, callback=_job_id)
@url_option
@json_option
def status(job_id: str | None, url: str, as_json: bool) -> None:
    """Print the status of a job.

    Without JOB_ID: the workers and the queue of the service, and its latest jobs.

    \b
    Examples:
      slimgest status
      slimgest status 0f6c…
    """
    with terminal.report_errors(), terminal.client(url) as client:
        if job_id:
            job = client.status(job_id)
            click.echo(job.model_dump_json() if as_json else terminal.job_table(job))
            return
        service, entries = client.service(), client.list(limit=20)
        if as_json:
            click.echo(json.dumps({"service": service, "jobs": [entry.model_dump(mode="json") for entry in entries]}))
        else:
            click.echo(terminal.service_table(service, entries))


@click.command()
@click.option("--status", "statuses", type=click.Choice([status.value for status in JobStatus]), multiple=True,
              help="Only jobs with this status; may be repeated.")  # fmt: skip
@click.option("--filename", default=None, help="Only jobs whose file name contains this text.")
@click.option("--since", callback=_moment, default=None,
              help="Only jobs submitted since then: 30m, 12h, 7d, a date such as 2026-11-25, or a time.")  # fmt: skip
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Jobs to list.")
@click.option("--all", "all_jobs", is_flag=True, help="List all of them, however many.")
@url_option
@json_option
def jobs(
    statuses: tuple[str, ...], filename: str | None, since: datetime | None, limit: int, all_jobs: bool, url: str,
    as_json: bool,
) -> None:  # fmt: skip
    """List the stored jobs, newest first.

    \b
    Examples:
      slimgest jobs --status failed --status partial --since 24h
      slimgest jobs --filename invoice --all --json
    """
    with terminal.report_errors(), terminal.client(url) as client:
        chosen = client.jobs(status=[JobStatus(status) for status in statuses], filename=filename, since=since)
        for entry in chosen if all_jobs else islice(chosen, limit):
            terminal.print_job(entry, as_json)


@click.command()
@click.argument("job_id", callback=_job_id)
@url_option
@json_option
def watch(job_id: str, url: str, as_json: bool) -> None:
    """Print the events of a job, from its start to its end.

    The exit code is 0 if every page was read, otherwise 1.

    \b
    Example:
      slimgest watch 0f6c…
    """
    with terminal.report_errors(), terminal.patient_client(url) as client:
        if not as_json:
            terminal.print_queued(client.status(job_id))
        for event in client.stream(job_id):
            terminal.print_event(event, job_id, as_json)
        sys.exit(0 if isinstance(event, JobCompleted) and event.status == JobStatus.COMPLETED else 1)


@click.command()
@click.argument("job_id", callback=_job_id)
@click.option("-f", "--format", "format", type=click.Choice(list(FORMATS)), default="md", show_default=True,
              help="Format of the result. zip contains json, md and txt.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=None,
              help="File for the result (default: standard output).")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@password_option
@url_option
@format_options
def result(
    job_id: str, format: ResultFormat, output: Path | None, force: bool, password: str | None, url: str,
    format_options: FormatOptions,
) -> None:  # fmt: skip
    """Fetch the document of an ended job.

    \b
    Examples:
      slimgest result 0f6c…
      slimgest result 0f6c… -f pdf -o searchable.pdf
    """
    if output and output.exists() and not force:
        raise click.UsageError(f"{output} exists. Replace it with --force, or give another file.")
    with terminal.report_errors(), terminal.client(url) as client:
        if output:
            client.download(job_id, format, output, password, format_options)
        elif _is_binary(format) and sys.stdout.isatty():
            raise click.UsageError(
                f"The format {format} is binary and is not printed to a terminal. Give a file with -o FILE."
            )
        else:
            terminal.write_result(client.result_as(job_id, format, password, format_options))


@click.command()
@click.argument("job_id", callback=_job_id)
@click.option("--pages", default=None, help="Pages to read again, such as 1-3,7 (default: the failed pages).")
@password_option
@url_option
@json_option
def retry(job_id: str, pages: str | None, password: str | None, url: str, as_json: bool) -> None:
    """Read the failed pages of an ended job again.

    \b
    Examples:
      slimgest retry 0f6c…
      slimgest retry 0f6c… --pages 3,7
    """
    with terminal.report_errors(), terminal.client(url) as client:
        terminal.print_job(client.retry(job_id, pages, password), as_json)


@click.command()
@click.argument("job_id", callback=_job_id)
@url_option
@json_option
def cancel(job_id: str, url: str, as_json: bool) -> None:
    """Cancel a job. The pages read before are kept.

    \b
    Example:
      slimgest cancel 0f6c…
    """
    with terminal.report_errors(), terminal.client(url) as client:
        terminal.print_job(client.cancel(job_id), as_json)


@click.command()
@click.argument("job_id", callback=_job_id)
@url_option
def delete(job_id: str, url: str) -> None:
    """Delete a job for good, with everything that the service has stored about it.

    \b
    Example:
      slimgest delete 0f6c…
    """
    with terminal.report_errors(), terminal.client(url) as client:
        client.delete(job_id)
        click.echo(f"{job_id}  deleted")


# --- Usage errors -----------------------------------------------------------------------------------------------------


def _options(how: dict[str, Any]) -> Options:
    try:
        return Options.model_validate({name: value for name, value in how.items() if value is not None})
    except ValueError as error:
        raise click.UsageError("--pages must be page numbers from 1 and ranges, such as 1-3,7.") from error


def _languages(options: Options, url: str | None) -> str:
    """Return the languages that are used. Those of a service elsewhere are known to that service only."""
    return options.languages or ("as the service is set" if url else Settings.from_env().languages)


def _output_file(output: Path | None, paths: tuple[Path, ...], formats: tuple[str, ...], again: bool) -> Path | None:
    """Return the file that `-o` names, if it is the file of a single result and not a folder."""
    is_single = len(paths) == 1 and not paths[0].is_dir() and len(formats) <= 1
    if output is None or not is_single or output.is_dir() or not (output.is_file() or _format_of(output)):
        return None
    if output.exists() and not again:
        raise click.UsageError(f"{output} exists. Replace it with --again, or give another file.")
    return output


def _format_of(file: Path) -> ResultFormat | None:
    """Return the format that the name of a file says."""
    name, suffix = file.name.lower(), file.suffix.lower()
    whole = [known for known, format in FORMATS.items() if name.endswith(format.suffix)]
    if whole:
        return cast(ResultFormat, max(whole, key=lambda known: len(FORMATS[known].suffix)))
    named = (known for known, format in FORMATS.items() if suffix and format.suffix.endswith(suffix))
    return cast(ResultFormat | None, next(named, None))


def _check_output(pdfs: list[FoundPdf], output: Path | None, formats: tuple[str, ...], as_json: bool) -> None:
    """Raise `UsageError` if a result has no place to go, or two results have the same one."""
    if not pdfs:
        raise click.UsageError(
            "These folders contain no PDF or image: only files with names such as a.pdf or a.jpg are read."
        )
    if output is not None:
        if clashing := find_clashes(pdfs, formats):
            raise click.UsageError(
                f"Two results would be written to {clashing[0]}. Read these PDFs into separate folders."
            )
        return
    binary = [format for format in formats if _is_binary(format)]
    if binary and (as_json or sys.stdout.isatty()):
        raise click.UsageError(f"The format {binary[0]} is binary and is not printed. Give a folder with -o DIR.")
    if not as_json and len(formats) * len(pdfs) > 1 and (len(formats) > 1 or binary):
        raise click.UsageError("Several results cannot be printed at once. Give a folder with -o DIR.")


def _is_binary(format: str) -> bool:
    return FORMATS[format].media_type in _BINARY


ALL = (process, submit, status, jobs, watch, result, retry, cancel, delete)
