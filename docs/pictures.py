"""The pictures of the documentation, taken from real runs: `make pictures`. `PICTURES` maps files to functions."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from docs import pictures_monitoring, scan
from docs.scene import Scene
from tests.support import pdfs
from tests.support.browser import chromium, drop, until_status
from tests.support.stack import running

FOLDER = Path(__file__).parent / "pictures"
_FAILED = 4  # the damaged page
_WAIT_MS = 120_000
_COMMON_COLOURS = 192  # of the 256 of a picture
_MAX_S, _FRAME_S, _WIDTH = 15, 0.4, 960  # of the animation


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
    drop(visitor, {"quarterly-return.pdf": scan.letter(5, _FAILED)})
    until_status(visitor, "partial")
    visitor.get_by_label("Search in the document").fill("stores")
    visitor.get_by_role("button", name="Next hit").click()
    visitor.wait_for_selector("rect.current")
    visitor.wait_for_selector("#page-list [data-page='5'] img[src]")
    return visitor.screenshot()


def page_phone(scene: Scene) -> bytes:
    """Return a document on a phone."""
    visitor = scene.visitor(viewport={"width": 375, "height": 812}, has_touch=True, is_mobile=True)
    drop(visitor, {"quarterly-return.pdf": scan.letter(3, 3)})
    until_status(visitor, "partial")
    visitor.wait_for_selector("#page-image:not([hidden])")
    visitor.wait_for_selector("#page-list [data-page='2'] img[src]")
    return visitor.screenshot()


def page_at_work(scene: Scene) -> bytes:
    """Return an animation from the drop of a scan to its end, with a damaged page. Waits are shortened."""
    visitor = scene.visitor(color_scheme="light")
    frames = [_frame(visitor)]
    drop(visitor, {"quarterly-return.pdf": scan.letter(6, _FAILED)})
    ended = visitor.locator("#viewer[data-status=partial]")
    while not ended.count():
        visitor.wait_for_timeout(_FRAME_S * 1000)
        frames.append(_frame(visitor))
    visitor.wait_for_selector("#page-image:not([hidden])", timeout=60_000)
    frames.append(_frame(visitor))
    return _animation(frames)


PICTURES: dict[str, Callable[[Scene], bytes]] = {
    "page.png": page_light,
    "page-dark.png": page_dark,
    "page-wide.png": page_wide,
    "page-phone.png": page_phone,
    "page-at-work.webp": page_at_work,
    "metrics.png": pictures_monitoring.metrics,
    "flower.png": pictures_monitoring.flower,
}


def _mid_job(visitor: Page) -> bytes:
    """Return the page while a scan is read: the first page with its table and uncertain lines, and one has failed."""
    drop(visitor, {"letter.pdf": pdfs.text_pages(["\n".join(pdfs.PROSE)])})
    until_status(visitor, "completed")
    drop(visitor, {"quarterly-return.pdf": scan.letter(12, _FAILED)})
    visitor.wait_for_selector(f"#page-list [data-page='{_FAILED}'][data-state=failed]", timeout=_WAIT_MS)
    visitor.wait_for_selector("#page-list [data-page='2'][data-state=ok]", timeout=_WAIT_MS)
    visitor.wait_for_selector("#page-image:not([hidden])", timeout=_WAIT_MS)
    visitor.wait_for_selector("#page-list [data-page='2'] img[src]", timeout=_WAIT_MS)
    visitor.get_by_role("button", name="Next uncertain").click()
    taken = visitor.screenshot()
    visitor.locator("#cancel").click()
    until_status(visitor, "cancelled")
    return taken


def _frame(visitor: Page) -> Image.Image:
    whole = Image.open(io.BytesIO(visitor.screenshot())).convert("RGB")
    return whole.resize((_WIDTH, _WIDTH * whole.height // whole.width), Image.Resampling.LANCZOS)


def _animation(frames: list[Image.Image]) -> bytes:
    """Return an animated WebP of the frames that differ from the one before, in at most `_MAX_S` seconds."""
    changed = [frame for before, frame in zip([None, *frames], frames, strict=False) if frame != before]
    each_ms = int(min(_FRAME_S, (_MAX_S - 2) / len(changed)) * 1000)
    durations = [*[each_ms] * (len(changed) - 1), 2000]
    stored = io.BytesIO()
    changed[0].save(
        stored, "WEBP", save_all=True, append_images=changed[1:], duration=durations, loop=0, quality=70, method=4
    )
    return stored.getvalue()


def _small(picture: bytes) -> bytes:
    """Return the picture in 256 colours, which takes half of the bytes; an animation as it is.

    Pillow's own palettes make light backgrounds pink, or red words brown. So this one has the common colours by the
    median cut, and then, one by one, the colours that the palette so far shows worst.
    """
    if picture.startswith(b"RIFF"):
        return picture
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    common = image.quantize(_COMMON_COLOURS, Image.Quantize.MEDIANCUT).getpalette() or []
    palette = [np.array(common[start : start + 3]) for start in range(0, 3 * _COMMON_COLOURS, 3)]
    pixels = np.asarray(image).reshape(-1, 3)
    colours, places, counts = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    error, nearest = np.full(len(colours), np.inf), np.zeros(len(colours), np.uint8)
    for index in range(256):
        if index == len(palette):
            palette.append(colours[(error * counts).argmax()])
        distance = ((colours.astype(int) - palette[index]) ** 2).sum(1)
        nearest[distance < error] = index
        error = np.minimum(distance, error)
    indexed = Image.fromarray(nearest[places].reshape(image.height, image.width), "P")
    indexed.putpalette(np.concatenate(palette).astype(np.uint8).tobytes())
    stored = io.BytesIO()
    indexed.save(stored, "PNG", optimize=True)
    return stored.getvalue()


def main() -> None:
    """Take the named pictures, or all, each from a service of its own."""
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser:
        for name in sys.argv[1:] or PICTURES:
            with (
                tempfile.TemporaryDirectory() as folder,
                running(Path(folder), SLIMGEST_ENGINE="rapidocr", SLIMGEST_LAYOUT="auto") as stack,
            ):
                (FOLDER / name).write_bytes(_small(PICTURES[name](Scene(stack=stack, browser=browser))))
            print(f"{FOLDER / name}: {(FOLDER / name).stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
