"""Images of pages: rendered by workers, stored, and served from storage."""

from __future__ import annotations

import io
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from celery import Celery
from PIL import Image

from slimgest_celery.api_keys import make_key
from slimgest_celery.app import Components
from slimgest_celery.sandbox.policy import missing_support
from tests.support import pdfs
from tests.support.stack import Stack, running, wait_for


def _image(stack: Stack, job_id: str, page_number: int, **query: str) -> httpx.Response:
    return stack.get(f"/jobs/{job_id}/pages/{page_number}/image", params=query)


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(("form", "tolerance"), [("webp", 6), ("png", 0), ("jpeg", 6)])
def test_a_page_is_rendered_as_displayed_at_the_dpi(stack: Stack, form: str, tolerance: int) -> None:
    job_id = stack.submit(pdfs.coloured([(0, 1, 0), (0, 130, 0)]))
    answer = _image(stack, job_id, 2, dpi="72", format=form)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, f"image/{form}")
    image = Image.open(io.BytesIO(answer.content)).convert("RGB")
    assert image.size == (311, 438), "A6 at 75 dpi, the next step"
    red, green, blue = image.getpixel((150, 200))  # type: ignore[misc]
    assert abs(green - 130) <= tolerance and max(red, blue) <= tolerance


def test_an_image_is_rendered_once_and_stored(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(1))
    first = _image(stack, job_id, 1)
    stored = Path(stack.settings.storage_url) / job_id / "images" / "000001-100.webp"
    assert stored.read_bytes() == first.content
    stored.write_bytes(b"as stored")
    assert _image(stack, job_id, 1).content == b"as stored"
    assert "max-age=86400" in first.headers["Cache-Control"] and "private" in first.headers["Cache-Control"]
    again = stack.get(f"/jobs/{job_id}/pages/1/image", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.alone
def test_an_image_does_not_wait_for_a_long_document(stack: Stack) -> None:
    book = stack.submit(pdfs.numbered(200))
    try:
        wait_for(lambda: stack.status(book)["pages_done"] > 0, what="its first page")
        assert _image(stack, book, 199).status_code == 200
        status = stack.status(book)
        assert status["status"] == "processing" and status["pages_done"] < 190
    finally:
        stack.request("DELETE", f"/jobs/{book}")


@pytest.fixture
def occupied(tmp_path: Path) -> Iterator[tuple[Stack, str]]:
    """A service with an ended job of two pages, whose only reader of pages is at a page that does not end."""
    with running(tmp_path, workers=1) as stack:
        ended = stack.submit(pdfs.numbered(2))
        stack.wait_end(ended)
        stack.start_worker("exports", "INFO", "-Q", "exports")
        book = stack.submit(pdfs.coloured([(0, 0, 255)] * 3), mode="ocr")
        wait_for(lambda: [worker["job_id"] for worker in stack.ready_workers()] == [book], what="a busy reader")
        yield stack, ended


def test_images_and_searchable_pdfs_do_not_wait_for_the_page_in_progress(occupied: tuple[Stack, str]) -> None:
    stack, job_id = occupied
    assert [_image(stack, job_id, number).status_code for number in (1, 2)] == [200, 200]
    pdf = wait_for(lambda: _searchable(stack, job_id), what="the searchable PDF", logs=stack.folder)
    assert pdf.content.startswith(b"%PDF")
    (reader,) = stack.get("/").json()["workers"]
    assert reader["name"].startswith("cpu0@"), "a worker that reads no pages adds nothing to the speed"
    assert reader["state"] == "busy", "the same page is still being read"


def _searchable(stack: Stack, job_id: str) -> httpx.Response | None:
    answer = stack.get(f"/jobs/{job_id}/result", params={"format": "pdf"})
    return answer if answer.status_code == 200 else None


def test_the_worker_without_an_engine_has_the_same_limits(tmp_path: Path) -> None:
    with running(tmp_path, workers=0, SLIMGEST_PAGE_TIMEOUT="2", SLIMGEST_ENGINE="no.such:Engine") as stack:
        stack.start_worker("exports", "INFO", "-Q", "exports")
        job_id = stack.submit(pdfs.slow_to_draw())
        assert _code(_image(stack, job_id, 1, dpi="300")) == (422, "page.timeout")
        letter = stack.submit(pdfs.numbered(1))
        assert _image(stack, letter, 1).status_code == 200, "in a new child"
        log = (stack.folder / "exports.log").read_text()
        assert bool(missing_support()) or "sandbox: files, TCP, programs" in log


def test_an_image_that_cannot_be_rendered_gives_the_reason(stack: Stack) -> None:
    job_id = stack.submit(pdfs.text_pages(["One."], password="p"), password="p")
    stack.wait_end(job_id)
    assert _code(_image(stack, job_id, 1)) == (422, "pdf.encrypted")  # the password was deleted at the end of the job
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


def test_an_image_that_takes_too_long_ends_only_its_worker_child(hasty: Stack) -> None:
    job_id = hasty.submit(pdfs.slow_to_draw(), mode="text")
    ended = hasty.wait_end(job_id)
    child = hasty.child_of("cpu0").pid
    assert _code(_image(hasty, job_id, 1, dpi="300")) == (422, "page.timeout")
    wait_for(lambda: hasty.child_of("cpu0").pid != child, what="a new child")
    letter = hasty.submit(pdfs.numbered(1))
    assert _image(hasty, letter, 1).status_code == 200
    assert hasty.status(job_id) == ended


def test_an_expired_job_has_no_images(hasty: Stack) -> None:
    job_id = hasty.submit(pdfs.numbered(1))
    hasty.wait_end(job_id)
    assert _image(hasty, job_id, 1).status_code == 200
    (Path(hasty.settings.storage_url) / job_id / "source.pdf").unlink()
    assert _image(hasty, job_id, 1).status_code == 200, "a stored image is served"
    assert _code(_image(hasty, job_id, 1, dpi="200")) == (404, "page.unknown"), "other images cannot be rendered"
    url = hasty.settings.redis_url
    with Celery(broker=url, backend=url) as celery:
        Components(hasty.settings, hasty.redis, celery).maintenance.sweep(time.time() + 2 * 86400)
    assert _code(_image(hasty, job_id, 1)) == (410, "job.expired")


# --- Many requests at once --------------------------------------------------------------------------------------------


@contextmanager
def _waiting(stack: Stack, job_id: str, count: int, bearer: str) -> Iterator[list[socket.socket]]:
    """This many requests for images that no worker renders."""
    address = urlsplit(stack.url)
    with ExitStack() as exits:
        sockets = []
        for number in range(1, count + 1):
            connection = exits.enter_context(socket.create_connection((address.hostname, address.port), timeout=30))
            path = f"/jobs/{job_id}/pages/{number}/image"
            head = f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {bearer}\r\n\r\n"
            connection.sendall(head.encode())
            sockets.append(connection)
        yield sockets


def test_four_hundred_waiting_requests_of_one_key_hold_up_nobody_else(tmp_path: Path) -> None:
    (alice, alices), (bob, bobs) = make_key("alice"), make_key("bob")
    keys = {"SLIMGEST_API_KEYS": f"{alices},{bobs}", "SLIMGEST_OWNER_PAGE_IMAGES": "300"}
    with running(tmp_path, workers=0, bearer=alice, **keys) as stack:
        job_id = stack.submit(pdfs.numbered(1))
        with _waiting(stack, job_id, 400, alice) as sockets:
            wait_for(lambda: _channels(stack) == 300, what="300 requests", within_s=30)
            subscribed = [client for client in stack.redis.client_list() if "P" in client["flags"]]
            assert len(subscribed) <= 2, "they share one subscription"
            started_s = time.monotonic()
            headers = {"Authorization": f"Bearer {bob}"}
            assert stack.get("/jobs", headers=headers).status_code == 200
            assert time.monotonic() - started_s < 5, "before: 19 s, and then 503"
            answered = wait_for(lambda: _all_refused(sockets, 100), what="100 refusals", within_s=30)
            answer = answered[0].recv(65536).decode()
            assert answer.startswith("HTTP/1.1 429") and "limit.page_images" in answer and "Retry-After: " in answer
        metrics = stack.get("/metrics").text
        assert 'slimgest_refusals_total{code="limit.page_images"} 100.0' in metrics


def _all_refused(sockets: list[socket.socket], count: int) -> list[socket.socket]:
    """Return the sockets with an answer, once there are this many."""
    answered = select.select(sockets, [], [], 0)[0]
    return answered if len(answered) >= count else []


def _channels(stack: Stack) -> int:
    return len(stack.redis.pubsub_channels("slimgest:image:*"))
