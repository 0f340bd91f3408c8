"""Many PDFs through one service: found, submitted, followed, fetched; a progress bar each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from .client import ApiError, Client
from .model import JobStatus, Options

AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class FoundPdf:
    """A PDF to be read."""

    path: Path
    name: Path  # relative: where its result goes below the output folder


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one PDF."""

    pdf: FoundPdf
    result: bytes | None
    trouble: str | None  # for a person; None where all went well


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


def process_all(
    client: Client, pdfs: list[FoundPdf], options: Options, password: str | None, form: str, bars: Progress
) -> list[Outcome]:
    """Reads all PDFs, AT_ONCE at a time; one that fails spoils no other."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda pdf: process_one(client, pdf, options, password, form, bars), pdfs))


def process_one(
    client: Client, pdf: FoundPdf, options: Options, password: str | None, form: str, bars: Progress
) -> Outcome:
    """Reads one PDF; a refusal by the service becomes its outcome's `trouble`."""
    bar = bars.add_task(str(pdf.name), total=None)
    try:
        job_id = _submit(client, pdf.path, options, password)
        for event in client.stream(job_id):
            bars.update(bar, total=event.data.get("total_pages"), completed=event.data.get("pages_done"))
        status = client.status(job_id)
        bars.update(bar, total=status.total_pages or 1, completed=status.pages_done)
        result = client.result_as(job_id, form, password if form == "pdf" else None) if status.has_result else None
    except ApiError as error:
        return Outcome(pdf=pdf, result=None, trouble=f"{error.message} ({error.problem_code})")
    trouble = None
    if status.error:
        trouble = f"{status.error.message} ({status.error.code})"
    elif status.status != JobStatus.COMPLETED:
        trouble = f"{status.pages_failed} of {status.total_pages} pages could not be read"
    return Outcome(pdf=pdf, result=result, trouble=trouble)


def _submit(client: Client, path: Path, options: Options, password: str | None) -> str:
    """Submits a PDF; where the queue is full, as often as the service asks."""
    while True:
        try:
            return client.submit(path, options, password).job_id
        except ApiError as error:
            if error.retry_after_s is None:
                raise
            time.sleep(error.retry_after_s)
