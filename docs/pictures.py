"""The pictures of the documentation, taken from real runs: `make pictures`. `PICTURES` maps files to functions."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from playwright.sync_api import Page
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from docs import pictures_monitoring
from docs.scene import Scene
from tests.support import pdfs
from tests.support.browser import chromium, drop, until_status
from tests.support.stack import running

FOLDER = Path(__file__).parent / "pictures"
_LOG = """\
Tower keeper's log
Wind from the south-west, rising towards noon.
The lamp was trimmed at six and burned all night.

Stores
Oil, two casks, one of them half full.
Wicks, eleven. Glass for the lantern, three panes.
Flour for nine days, salt, and a side of bacon.

Ships that passed
A brig under reefed topsails, bound for the north.
Two fishing boats that did not answer the signal.
Nothing more until the fog came in at four.

Repairs
The third stair from the top was made fast again.
The door to the gallery closes, but not willingly."""


def page_light(scene: Scene) -> bytes:
    """Return the web page while it reads a scan, after its first pages."""
    return _mid_job(scene.visitor(color_scheme="light"))


def page_dark(scene: Scene) -> bytes:
    """Return the same in dark mode."""
    return _mid_job(scene.visitor(color_scheme="dark"))


def page_wide(scene: Scene) -> bytes:
    """Return a document on a large screen, with a search."""
    visitor = scene.visitor(viewport={"width": 1920, "height": 1080})
    drop(visitor, {"letter.pdf": pdfs.text_pages(["\n".join(pdfs.PROSE)])})
    until_status(visitor, "completed")
    drop(visitor, {"keepers-log.pdf": scan(4)})
    until_status(visitor, "completed")
    visitor.get_by_label("Search in the document").fill("stores")
    visitor.get_by_role("button", name="Next hit").click()
    visitor.wait_for_selector("rect.current")
    visitor.wait_for_selector("#page-list [data-page='4'] img[src]")
    return visitor.screenshot()


def page_phone(scene: Scene) -> bytes:
    """Return a document on a phone."""
    visitor = scene.visitor(viewport={"width": 375, "height": 812}, has_touch=True, is_mobile=True)
    drop(visitor, {"keepers-log.pdf": scan(3)})
    until_status(visitor, "completed")
    visitor.wait_for_selector("#page-image:not([hidden])")
    return visitor.screenshot()


PICTURES: dict[str, Callable[[Scene], bytes]] = {
    "page.png": page_light,
    "page-dark.png": page_dark,
    "page-wide.png": page_wide,
    "page-phone.png": page_phone,
    "metrics.png": pictures_monitoring.metrics,
    "flower.png": pictures_monitoring.flower,
}


def _mid_job(visitor: Page) -> bytes:
    drop(visitor, {"letter.pdf": pdfs.text_pages(["\n".join(pdfs.PROSE)])})
    until_status(visitor, "completed")
    drop(visitor, {"keepers-log.pdf": scan(12)})
    visitor.wait_for_selector("#page-list [data-page='5'][data-state=ok]", timeout=120_000)
    visitor.wait_for_selector("#page-image:not([hidden])", timeout=60_000)
    visitor.locator("#lines .line").nth(2).hover()
    taken = visitor.screenshot()
    visitor.locator("#cancel").click()
    until_status(visitor, "cancelled")
    return taken


def scan(pages: int) -> bytes:
    """Return a PDF like a scanned book: grey, askew, faded towards the bottom of each page."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(420, 595))
    for number in range(pages):
        canvas.drawImage(ImageReader(_leaf(number)), 0, 0, 420, 595)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def _leaf(number: int) -> Image.Image:
    page = Image.new("L", (875, 1240), 240)
    pen = ImageDraw.Draw(page)
    entries = _LOG.split("\n\n")
    y = 100
    for entry in range(len(entries)):
        heading, *lines = entries[(number + entry) % len(entries)].split("\n")
        for size, line in [(38, heading), *((29, line) for line in lines)]:
            pen.text((80, y), line, fill=20 + y // 6, font=ImageFont.load_default(size))  # fades down the page
            y += 2 * size - 12
        y += 36
    pen.text((410, 1170), f"- {number + 1} -", fill=70, font=ImageFont.load_default(26))
    askew = page.rotate(0.5 if number % 2 else -0.4, Image.Resampling.BICUBIC, fillcolor=240)
    return askew.filter(ImageFilter.GaussianBlur(0.6))


def _small(png: bytes) -> bytes:
    """Return the same picture in fewer bytes."""
    stored = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(stored, "PNG", optimize=True)
    return stored.getvalue()


def main() -> None:
    """Take the named pictures, or all, each from a service of its own."""
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser:
        for name in sys.argv[1:] or PICTURES:
            with (
                tempfile.TemporaryDirectory() as folder,
                running(Path(folder), SLIMGEST_ENGINE="rapidocr") as stack,
            ):
                (FOLDER / name).write_bytes(_small(PICTURES[name](Scene(stack=stack, browser=browser))))
            print(f"{FOLDER / name}: {(FOLDER / name).stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
