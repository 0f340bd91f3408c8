"""The seed's example client: `python -m api.example_client FILE_OR_FOLDER`.

Sends each PDF to `/process-pdf-stream`, 16 at a time, prints pages as they arrive, and writes a Markdown file per PDF.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import httpx

from slimgest_celery.batch import AT_ONCE, find_pdfs
from slimgest_celery.client import parse


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="FILE_OR_FOLDER")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The service.")
@click.option("--dpi", default=150.0, show_default=True, help="Resolution for rendering pages.")
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder for the Markdown."
)
def main(path: Path, url: str, dpi: float, output: Path) -> None:
    """Reads a PDF, or every PDF in a folder, and writes a Markdown file for each."""
    output.mkdir(parents=True, exist_ok=True)
    pdfs = [found.path for found in find_pdfs([path])]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        well = list(pool.map(lambda pdf: read(pdf, url, dpi, output), pdfs))
    sys.exit(0 if well and all(well) else 1)


def read(pdf: Path, url: str, dpi: float, output: Path) -> bool:
    """Streams one PDF's pages and writes them down; whether all of them came."""
    texts: dict[int, str] = {}
    with pdf.open("rb") as content:
        upload = {"files": {"file": (pdf.name, content, "application/pdf")}, "data": {"dpi": str(dpi)}}
        with httpx.stream("POST", f"{url}/process-pdf-stream", timeout=600, **upload) as response:  # type: ignore[arg-type]
            if response.status_code != 200:
                response.read()
                click.echo(f"{pdf.name}: {response.json()['detail']}", err=True)
                return False
            for event in parse(response.iter_lines()):
                click.echo(f"{pdf.name}: {_told(event.type, event.data)}")
                if event.type == "page":
                    texts[event.data["page_number"]] = event.data["page_text"]
    body = "\n\n".join(f"<!-- page {number} -->\n\n{texts[number]}" for number in sorted(texts))
    (output / f"{pdf.stem}.md").write_text(f"# {pdf.name}\n\n{body}\n")
    return event.data.get("status") == "completed"


def _told(kind: str, data: dict[str, object]) -> str:
    if kind == "page":
        return f"page {data['page_number']} of {data['total_pages']}: {data['status']}"
    return f"{kind} {data.get('message') or data.get('status') or ''}".strip()


if __name__ == "__main__":
    main()
