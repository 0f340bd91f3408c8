"""Images of pages: drawn by workers, kept, and served from storage."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from celery import Celery
from PIL import Image

from slimgest_celery.jobs import Jobs
from slimgest_celery.sweeping import sweep
from tests.support import pdfs
from tests.support.stack import Stack, running, wait_for


def _image(stack: Stack, job_id: str, page_number: int, **query: str) -> httpx.Response:
    return stack.get(f"/jobs/{job_id}/pages/{page_number}/image", params=query)


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(("form", "tolerance"), [("webp", 6), ("png", 0), ("jpeg", 6)])
def test_a_page_is_drawn_as_displayed_at_the_dpi(stack: Stack, form: str, tolerance: int) -> None:
    job_id = stack.submit(pdfs.coloured([(0, 1, 0), (0, 130, 0)]))
    answer = _image(stack, job_id, 2, dpi="72", format=form)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, f"image/{form}")
    image = Image.open(io.BytesIO(answer.content)).convert("RGB")
    assert image.size == (311, 438), "A6 at 75 dpi, the next step"
    red, green, blue = image.getpixel((150, 200))  # type: ignore[misc]
    assert abs(green - 130) <= tolerance and max(red, blue) <= tolerance


def test_an_image_is_drawn_once_and_kept(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(1))
    first = _image(stack, job_id, 1)
    stored = Path(stack.settings.storage_url) / job_id / "images" / "000001-100.webp"
    assert stored.read_bytes() == first.content
    stored.write_bytes(b"as stored")
    assert _image(stack, job_id, 1).content == b"as stored"
    assert "max-age=86400" in first.headers["Cache-Control"] and "private" in first.headers["Cache-Control"]
    again = stack.get(f"/jobs/{job_id}/pages/1/image", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_who_looks_at_a_page_does_not_wait_behind_a_book(stack: Stack) -> None:
    book = stack.submit(pdfs.numbered(200))
    try:
        wait_for(lambda: stack.status(book)["pages_done"] > 0, what="its first page")
        started_s = time.monotonic()
        assert _image(stack, book, 199).status_code == 200
        assert time.monotonic() - started_s < 3, "200 pages take 5 s at least"
        status = stack.status(book)
        assert status["status"] == "processing" and status["pages_done"] < 190
    finally:
        stack.request("DELETE", f"/jobs/{book}")


def test_what_cannot_be_drawn_says_why(stack: Stack) -> None:
    job_id = stack.submit(pdfs.text_pages(["One."], password="p"), password="p")
    stack.wait_end(job_id)
    assert _code(_image(stack, job_id, 1)) == (422, "pdf.encrypted")  # the password went with the job's end
    broken = stack.submit(pdfs.with_broken_page(["One.", "Two."], 0))
    assert _code(_image(stack, broken, 1)) == (422, "page.unreadable")
    for number in (0, 3, 10**7):
        assert _code(_image(stack, broken, number)) == (404, "page.unknown"), number
    for query in ({"dpi": "35"}, {"dpi": "301"}, {"dpi": "x"}, {"format": "gif"}):
        assert _code(_image(stack, broken, 2, **query)) == (422, "request.option"), query


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("hasty"), workers=1, SLIMGEST_PAGE_TIMEOUT="2") as started:
        yield started


def test_an_image_that_takes_too_long_costs_its_worker_child_and_nothing_else(hasty: Stack) -> None:
    job_id = hasty.submit(pdfs.slow_to_draw(), mode="text")
    ended = hasty.wait_end(job_id)
    child = hasty.child_of("cpu0").pid
    assert _code(_image(hasty, job_id, 1, dpi="300")) == (422, "page.timeout")
    wait_for(lambda: hasty.child_of("cpu0").pid != child, what="a new child")
    letter = hasty.submit(pdfs.numbered(1))
    assert _image(hasty, letter, 1).status_code == 200
    assert hasty.status(job_id) == ended


def test_after_its_retention_a_job_has_no_images(hasty: Stack) -> None:
    job_id = hasty.submit(pdfs.numbered(1))
    hasty.wait_end(job_id)
    assert _image(hasty, job_id, 1).status_code == 200
    (Path(hasty.settings.storage_url) / job_id / "source.pdf").unlink()
    assert _image(hasty, job_id, 1).status_code == 200, "what was drawn is served"
    assert _code(_image(hasty, job_id, 1, dpi="200")) == (410, "job.expired"), "the rest cannot be drawn"
    url = hasty.settings.redis_url
    with Celery(broker=url, backend=url) as celery:
        sweep(Jobs(hasty.settings, hasty.redis, celery), time.time() + 2 * 86400)
    assert _code(_image(hasty, job_id, 1)) == (410, "job.expired")
