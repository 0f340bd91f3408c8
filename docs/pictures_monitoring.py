"""The pictures of monitoring tools; `docs/pictures.py` takes them."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator

import httpx
import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from playwright.sync_api import Page
from prometheus_client.parser import text_string_to_metric_families

from docs.scene import Scene
from tests.support import pdfs
from tests.support.stack import Stack, wait_for
from workers.redis_server import free_port

_COLOURS = {"ocr": "#d9730d", "text_layer": "#2f6fde", "none": "#b3261e"}
_RATE_S = 5  # the window of a rate, in seconds
_PROSE = "\n".join(pdfs.PROSE)

Scrape = dict[tuple[str, str], float]  # by metric and one of its labels
Scrapes = list[tuple[float, Scrape]]  # by the second of the run


# --- Flower -----------------------------------------------------------------------------------------------------------


def flower(scene: Scene) -> bytes:
    """Return Flower's list of tasks while a scan is read."""
    url = _start_flower(scene.stack)
    job_id = scene.stack.submit(pdfs.scanned([_PROSE] * 60), filename="letters.pdf")
    page = scene.browser.new_page(viewport={"width": 1280, "height": 660})
    # Workers send task events once Flower requests them, and its list shows the tasks known when the page loads.
    wait_for(lambda: _tasks_shown(page, url) > 9, what="tasks in Flower", logs=scene.stack.folder)
    taken = page.screenshot()
    scene.stack.request("DELETE", f"/jobs/{job_id}")
    return taken


def _tasks_shown(page: Page, url: str) -> int:
    page.goto(f"{url}/tasks", wait_until="networkidle")
    return page.locator("table tbody td:nth-child(2)").count()


def _start_flower(stack: Stack) -> str:
    port = free_port()
    command = [sys.executable, "-m", "celery", "-A", "slimgest_celery", "flower", "--address=127.0.0.1"]
    stack.spawn(*command, f"--port={port}", log="flower")
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: _answers(url), what="Flower", logs=stack.folder)
    return url


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthcheck", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


# --- Metrics ----------------------------------------------------------------------------------------------------------


def metrics(scene: Scene) -> bytes:
    """Plot `/metrics`, scraped every second, while letters, books and a damaged PDF arrive."""
    scrapes: Scrapes = []
    arrivals, began_s = _arrivals(), time.monotonic()
    while arrivals or scrapes[-1][1]["slimgest_queue_jobs", ""]:
        now_s = time.monotonic() - began_s
        while arrivals and arrivals[0][0] <= now_s:
            _, name, pdf = arrivals.pop(0)
            scene.stack.post("/jobs", pdf, name)
        scrapes.append((now_s, _scrape(scene.stack)))
        time.sleep(1)
    return _plot(scrapes)


def _arrivals() -> list[tuple[float, str, bytes]]:
    """Return (seconds, name, PDF) for each PDF that is sent, in order."""
    letter, book = pdfs.scanned([_PROSE] * 6), pdfs.text_pages([_PROSE] * 600)
    letters = [(3.0 + 6 * n, f"letter-{n + 1}.pdf", letter) for n in range(10)]
    books = [(12.0, "novel.pdf", book), (50.0, "handbook.pdf", book)]
    damaged = [(38.0, "damaged.pdf", pdfs.with_broken_page([_PROSE] * 3, 1))]
    return sorted([*letters, *books, *damaged, (24.0, "file.pdf", pdfs.scanned([_PROSE] * 30))])


def _scrape(stack: Stack) -> Scrape:
    found: Scrape = {}
    for family in text_string_to_metric_families(stack.get("/metrics").text):
        for sample in family.samples:
            series = sample.name, sample.labels.get("source") or sample.labels.get("worker") or ""
            found[series] = found.get(series, 0.0) + sample.value
    return found


def _plot(scrapes: Scrapes) -> bytes:
    """Plot the queue, the pages per second, and the busy share of the workers."""
    matplotlib.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure = Figure(figsize=(9, 6.2), dpi=110, layout="constrained")
    queue, pages, busy = figure.subplots(3, 1, sharex=True)
    times = [at_s for at_s, _ in scrapes]
    waiting = [scrape["slimgest_queue_pages", ""] for _, scrape in scrapes]
    queue.fill_between(times, waiting, step="post", color="#6750a4", alpha=0.35)
    queue.set_title("Pages waiting (slimgest_queue_pages)", loc="left")
    _rates(pages, scrapes, "slimgest_pages_total", 1)
    pages.set_title("Pages per second by source; none: failed pages (slimgest_pages_total)", loc="left")
    _rates(busy, scrapes, "slimgest_worker_busy_seconds_total", 100)
    busy.set_title("Busy share of each worker in % (slimgest_worker_busy_seconds_total)", loc="left")
    for axes in (queue, pages):
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(0, None)
    busy.set_ylim(0, 105)
    busy.set_xlabel("seconds")
    stored = io.BytesIO()
    figure.savefig(stored, format="png")
    return stored.getvalue()


def _rates(axes: Axes, scrapes: Scrapes, name: str, factor: float) -> None:
    for label in sorted({label for _, scrape in scrapes for key, label in scrape if key == name}):
        rates = [factor * rate for rate in _rate(scrapes, (name, label))]
        how = {"color": _COLOURS.get(label), "drawstyle": "steps-post"}
        axes.plot([at_s for at_s, _ in scrapes], rates, label=label.partition("@")[0], **how)
    axes.legend(loc="upper left", frameon=False, ncols=3)


def _rate(scrapes: Scrapes, series: tuple[str, str]) -> Iterator[float]:
    """Yield the growth per second over the last few seconds; a counter that falls was reset."""
    for place, (at_s, scrape) in enumerate(scrapes):
        then_s, before = scrapes[max(0, place - _RATE_S)]
        grown = scrape.get(series, 0.0) - before.get(series, 0.0)
        yield max(0.0, grown) / (at_s - then_s) if at_s > then_s else 0.0
