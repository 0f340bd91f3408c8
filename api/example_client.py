"""An example client: `python -m api.example_client FILE_OR_FOLDER`.

Send each PDF to `/process-pdf-stream`, 16 at a time, print pages as they arrive, and write one Markdown file per PDF.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import httpx

from slimgest_celery.cli.batch import AT_ONCE, FoundPdf, find_pdfs
from slimgest_celery.client import parse


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="FILE_OR_FOLDER")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="URL of the service.")
@click.option("--dpi", default=150.0, show_default=True, help="Resolution for rendering pages, in dots per inch.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the Markdown files.",
)
def main(path: Path, url: str, dpi: float, output: Path) -> None:
    """Read a PDF, or every PDF in a folder, and write a Markdown file for each."""
    pdfs = find_pdfs([path])
    if not pdfs:
        raise click.UsageError(f"{path} contains no PDF.")
    try:
        output.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            succeeded = list(pool.map(lambda pdf: read_pdf(pdf, url, dpi, output), pdfs))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise click.ClickException(
            f"{url} does not answer as expected ({type(error).__name__}). Check --url."
        ) from error
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or 'A file'} cannot be read or written: {error.strerror}."
        ) from error
    sys.exit(0 if all(succeeded) else 1)


def read_pdf(found: FoundPdf, url: str, dpi: float, output: Path) -> bool:
    """Stream the pages of one PDF and write them to a file. Return True if all pages were read."""
    pdf, texts = found.path, dict[int, str]()
    with pdf.open("rb") as content:
        upload = {"files": {"file": (pdf.name, content, "application/pdf")}, "data": {"dpi": str(dpi)}}
        with httpx.stream("POST", f"{url}/process-pdf-stream", timeout=600, **upload) as response:  # type: ignore[arg-type]
            if response.status_code != 200:
                response.read()
                click.echo(f"{pdf.name}: {_problem(response)}", err=True)
                return False
            event = None
            for event in parse(response.iter_lines()):
                click.echo(f"{pdf.name}: {_describe_event(event.type, event.data)}")
                if event.type == "page":
                    texts[event.data["page_number"]] = event.data["page_text"]
    if event is None or not event.last:
        click.echo(f"{pdf.name}: the answer ended early. If this happens again, check --url.", err=True)
        return False
    body = "\n\n".join(f"<!-- page {number} -->\n\n{texts[number]}" for number in sorted(texts))
    target = (output / found.name).with_suffix(".md")  # below the output folder as below the folder that is read
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"# {pdf.name}\n\n{body}\n")
    return event.data.get("status") == "completed"


def _problem(response: httpx.Response) -> str:
    """Return the reason of a refusal. A server other than slimgest, such as a proxy, gives none that can be shown."""
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{response.url.host} answered {response.status_code}. Check --url."


def _describe_event(kind: str, data: dict[str, object]) -> str:
    if kind == "page":
        return f"page {data['page_number']} of {data['total_pages']}: {data['status']}"
    return f"{kind} {data.get('message') or data.get('status') or ''}".strip()


if __name__ == "__main__":
    main()
