"""Debian's Chromium for tests and pictures, and the actions of a user on the web page."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
# The events of a browser when files are dropped on the web page.
_DROP = """files => {
  const transfer = new DataTransfer();
  for (const [name, content] of Object.entries(files)) {
    const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, {type: "application/pdf"}));
  }
  for (const type of ["dragenter", "dragover", "drop"])
    document.getElementById("drop").dispatchEvent(
      new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; `new_page` gives each visitor a new profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Drop these PDFs, by their names, on the web page."""
    page.evaluate(_DROP, {name: b64encode(content).decode() for name, content in files.items()})


def choose(page: Page, name: str, content: bytes) -> None:
    """Select one PDF in the file dialog."""
    page.set_input_files("#files", [{"name": name, "mimeType": "application/pdf", "buffer": content}])


def until_status(page: Page, status: str) -> None:
    """Wait until the open document has this status."""
    page.wait_for_selector(f"#viewer[data-status={json.dumps(status)}]", timeout=90_000)
