"""The page cache with real workers, whose engine logs the pages that it reads."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pikepdf
import pytest
from celery import Celery

from slimgest_celery.api_keys import make_key
from slimgest_celery.app import Components
from tests.support import pdfs
from tests.support.engines import RAISE_ONCE
from tests.support.stack import Stack, running

ALICE, ALICES_PAIR = make_key("alice")
BOB, BOBS_PAIR = make_key("bob")


@pytest.fixture(scope="module")
def caching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers with a page cache, and two owners."""
    folder = tmp_path_factory.mktemp("caching")
    env = {"SLIMGEST_PAGE_CACHE": "1", "SLIMGEST_API_KEYS": f"{ALICES_PAIR},{BOBS_PAIR}"}
    engine = {"TEST_ENGINE_LOG": str(folder / "read"), "TEST_ENGINE_ONCE": str(folder)}
    with running(folder, bearer=ALICE, **env, **engine) as started:
        yield started


def _read(stack: Stack, pdf: bytes, **form: str) -> tuple[list[int], list[bool], str]:
    """Run a job; return the pages that the engine read, the `cached` field of each page, and the id."""
    log = stack.folder / "read"
    log.write_text("")
    job_id = stack.submit(pdf, **form)
    stack.wait_end(job_id)
    return _logged(log), _cached(stack, job_id), job_id


def _logged(log: Path) -> list[int]:
    return sorted({int(line) for line in log.read_text().split()})


def _cached(stack: Stack, job_id: str) -> list[bool]:
    return [page["cached"] for page in stack.document(job_id)["pages"]]


def test_a_repeated_document_is_answered_from_the_cache(caching: Stack) -> None:
    pdf = pdfs.numbered(40)
    read, cached, first = _read(caching, pdf)
    assert (read, cached) == (list(range(1, 41)), [False] * 40)
    read, cached, again = _read(caching, pdf)
    assert (read, cached) == ([], [True] * 40)
    events = list(caching.events(again))
    assert [event.type for event in events] == ["start", *["page"] * 40, "complete"]
    assert [event.data["page_text"] for event in events[1:-1]] == [f"page {number}" for number in range(1, 41)]
    assert [event.data["pages_done"] for event in events[1:-1]] == list(range(1, 41))
    pages, pages_again = (caching.document(job_id)["pages"] for job_id in (first, again))
    assert [page["blocks"] for page in pages] == [page["blocks"] for page in pages_again]
    assert caching.status(again)["status"] == "completed"


def test_only_the_changed_pages_of_an_edited_document_are_read(caching: Stack) -> None:
    _read(caching, pdfs.numbered(20, first=50))
    colours = [(0, number, 0) for number in (*range(50, 60), 200, *range(61, 70), 201)]
    read, cached, job_id = _read(caching, pdfs.coloured(colours))
    assert read == [200, 201] and cached.count(False) == 2
    texts = [page["text"] for page in caching.document(job_id)["pages"]]
    assert texts == [f"page {number}" for _, number, _ in colours]


def test_the_cache_is_separate_for_each_dpi_mode_and_owner(caching: Stack) -> None:
    pdf = pdfs.numbered(2, first=70)
    assert _read(caching, pdf)[0] == [70, 71]
    assert _read(caching, pdf, dpi="75")[0] == [70, 71]
    assert _read(caching, pdf, mode="ocr")[0] == [70, 71]
    assert _read(caching, pdf)[0] == []
    bobs = {"Authorization": f"Bearer {BOB}"}
    (caching.folder / "read").write_text("")
    answer = httpx.post(f"{caching.url}/process-pdf", files={"file": pdf}, headers=bobs, timeout=60)
    assert [page["cached"] for page in answer.json()["pdfs"][0]["pages"]] == [False, False]
    assert _logged(caching.folder / "read") == [70, 71]


def test_only_a_failed_page_is_read_again(caching: Stack) -> None:
    pdf = pdfs.coloured([(0, 80, 0), RAISE_ONCE, (0, 81, 0)])
    _, cached, job_id = _read(caching, pdf)
    assert caching.status(job_id)["pages_failed"] == 1
    read, cached, again = _read(caching, pdf)
    assert caching.status(again)["status"] == "completed"
    assert cached == [True, False, True] and read == [RAISE_ONCE[1]]


def test_a_retried_page_is_read_again_and_then_cached(caching: Stack) -> None:
    pdf = pdfs.numbered(3, first=90)
    _, _, job_id = _read(caching, pdf)
    (caching.folder / "read").write_text("")
    assert caching.request("POST", f"/jobs/{job_id}/retry?pages=2").status_code == 202
    caching.wait_end(job_id)
    assert _logged(caching.folder / "read") == [91] and _cached(caching, job_id) == [False] * 3
    assert _read(caching, pdf)[:2] == ([], [True] * 3)


def test_an_encrypted_pdf_is_read_each_time(caching: Stack) -> None:
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdfs.numbered(2, first=100))) as pdf:
        pdf.save(stored, encryption=pikepdf.Encryption(owner="o", user="secret"))
    for _ in range(2):
        assert _read(caching, stored.getvalue(), password="secret")[0] == [100, 101]


def test_pages_are_read_again_once_the_job_that_read_them_has_expired(caching: Stack) -> None:
    pdf = pdfs.numbered(2, first=110)
    assert _read(caching, pdf)[0] == [110, 111]
    celery = Celery(broker=caching.settings.redis_url, backend=caching.settings.redis_url)
    assert (
        Components(caching.settings, caching.redis, celery).maintenance.sweep(
            time.time() + 2 * caching.settings.retention_s
        )
        > 0
    )
    celery.close()
    assert _read(caching, pdf)[0] == [110, 111]
    kept = caching.redis.keys("slimgest:pages:*")
    assert kept and all(0 < caching.redis.ttl(key) <= caching.settings.retention_s for key in kept)


def test_a_disabled_cache_stores_nothing(stack: Stack) -> None:
    pdf = pdfs.numbered(2, first=150)
    for _ in range(2):
        job_id = stack.submit(pdf)
        stack.wait_end(job_id)
        assert _cached(stack, job_id) == [False, False]
    assert stack.redis.keys("slimgest:pages:*") == []
