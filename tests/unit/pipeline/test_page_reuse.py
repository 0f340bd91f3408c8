"""The page cache: pages that an earlier job has read are reused, except in the cases below. Redis is in memory."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pikepdf
import pytest
from redis.exceptions import RedisError

import slimgest_celery
from slimgest_celery.config import Settings
from slimgest_celery.models.job import Job, Options
from slimgest_celery.models.record import now
from slimgest_celery.pdf.fingerprint import Fingerprints
from slimgest_celery.pipeline.context import WorkerContext
from slimgest_celery.pipeline.finish import finish_job
from slimgest_celery.pipeline.ingest import ingest_job
from slimgest_celery.pipeline.page_reuse import PageReuse, _code_hash, hash_code
from slimgest_celery.pipeline.pages import read_until_preempted
from tests.support import pdfs
from tests.support.worker_context import FakeDevice, read_all, worker_context

ON = {"SLIMGEST_PAGE_CACHE": True}
OCR = {"dpi": 50.0, "mode": "ocr"}


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice(0, batch_size=4)


@pytest.fixture
def context(tmp_path: Path, device: FakeDevice) -> Iterator[WorkerContext]:
    with worker_context(tmp_path, device, **ON) as context:
        yield context


def _scans(*numbers: int) -> bytes:
    """Return a PDF with a scan for each number."""
    return pdfs.coloured([(0, number, 0) for number in numbers])


def _count(device: FakeDevice) -> int:
    """Return the number of images that the engine has read since the last call."""
    count = sum(pages for _, _, pages in device.batches)
    device.batches.clear()
    return count


def test_a_document_that_is_submitted_again_is_not_read_again(context: WorkerContext, device: FakeDevice) -> None:
    pdf = _scans(*range(1, 41))
    first = read_all(context, pdf, **OCR)
    assert _count(device) >= 40 and not any(page.cached for page in first)
    again = read_all(context, pdf, **OCR)
    assert _count(device) == 0 and all(page.cached for page in again)
    own = {"cached", "seconds"}
    assert [page.model_dump(exclude=own) for page in again] == [page.model_dump(exclude=own) for page in first]
    assert all(page.seconds.render == page.seconds.read == 0 for page in again)


def test_ingest_stores_and_publishes_cached_pages(context: WorkerContext) -> None:
    pdf = _scans(*range(1, 21))
    read_all(context, pdf, **OCR)
    job = Job(job_id="5b1b0f0e-0000-4000-8000-000000000001", filename="a", options=Options(**OCR), created_at=now())
    context.files.create(job, io.BytesIO(pdf), None)
    assert ingest_job(context, job.job_id) == []
    (progress,) = context.job_state.progress([job.job_id])
    assert (progress.pages_done, progress.total_pages) == (20, 20)
    end = finish_job(
        job.job_id, jobs=context.jobs, files=context.files, job_state=context.job_state, events=context.events
    )
    assert end is not None and end.status == "completed"


def test_pages_from_the_cache_do_not_change_the_measured_reading_speed(context: WorkerContext) -> None:
    """Otherwise a book from the cache would make the estimated wait for the next book far too short."""
    pdf = _scans(*range(1, 9))
    read_all(context, pdf, **OCR)
    before = context.page_timings.pages_per_second()
    job = Job(job_id="5b1b0f0e-0000-4000-8000-000000000002", filename="a", options=Options(**OCR), created_at=now())
    context.files.create(job, io.BytesIO(pdf), None)
    with mock.patch.object(PageReuse, "find_in_batches", return_value=[]):  # ingest leaves them to a task
        ingest_job(context, job.job_id)
    read_until_preempted(context, job.job_id, 1, 8)
    assert all(page.cached for page in context.files.pages(job.job_id).values())
    assert context.page_timings.pages_per_second() == before is not None


def test_only_the_changed_pages_of_an_edited_document_are_read(context: WorkerContext, device: FakeDevice) -> None:
    read_all(context, _scans(*range(1, 21)), **OCR)
    _count(device)
    numbers = [3, 21, *range(5, 15), 22, 2]
    pages = read_all(context, _scans(*numbers), **OCR)
    assert [page.cached for page in pages] == [number <= 20 for number in numbers]
    assert [page.page_number for page in pages] == list(range(1, len(numbers) + 1))
    assert _count(device) > 0
    expected = read_all(context, _scans(*numbers), owner="another owner", **OCR)
    assert [page.text for page in pages] == [page.text for page in expected], "each page has its own text"


def test_equal_pages_of_one_document_are_read_once(context: WorkerContext, device: FakeDevice) -> None:
    device.batch_size = 1
    pages = read_all(context, _scans(1, 1, 1), **OCR)
    assert [page.cached for page in pages] == [False, True, True]


@pytest.mark.parametrize(
    "other", [{"dpi": 51.0}, {"mode": "auto"}, {"owner": "bob"}, {"password": "none is needed"}], ids=str
)
def test_pages_are_not_reused_for_another_owner_dpi_or_mode(
    context: WorkerContext, device: FakeDevice, other: dict[str, object]
) -> None:
    pdf = _scans(1, 2)
    read_all(context, pdf, **{"owner": "alice", **OCR})  # type: ignore[arg-type]
    _count(device)
    pages = read_all(context, pdf, **{"owner": "alice", **OCR, **other})  # type: ignore[arg-type]
    same = "password" in other
    assert [page.cached for page in pages] == [same, same] and (_count(device) == 0) == same


def test_pages_are_not_reused_for_another_engine_model_setting_or_release(
    context: WorkerContext, device: FakeDevice, tmp_path: Path
) -> None:
    pdf = _scans(1)

    def is_read_by(engine: FakeDevice, settings: Settings = context.settings) -> bool:
        changed = replace(context, reader=replace(context.reader, engine=engine), settings=settings)
        return [page.cached for page in read_all(changed, pdf, **OCR)] == [False]

    def engine_with(**attributes: str) -> FakeDevice:
        other = FakeDevice(0, 1)
        for name, value in attributes.items():
            setattr(other, name, value)
        return other

    assert is_read_by(device) and not is_read_by(device)
    assert is_read_by(engine_with(version="2"))
    assert is_read_by(engine_with(name="another"))
    assert is_read_by(engine_with(model="finer")) and not is_read_by(engine_with(model="finer"))
    with mock.patch("slimgest_celery.pipeline.page_reuse._code_hash", lambda: "the next release"):
        assert is_read_by(device)
    settings = context.settings.model_copy(update={"max_page_pixels": 10_000})
    assert is_read_by(device, settings=settings)


def test_a_page_is_read_if_its_cache_entry_is_invalid(context: WorkerContext, device: FakeDevice) -> None:
    pdf = _scans(1)
    read_all(context, pdf, **OCR)
    for name in context.parts.redis.keys("slimgest:pages:*"):
        for key in context.parts.redis.hkeys(name):
            context.parts.redis.hset(name, key, "nonsense")
    assert [(page.status, page.cached) for page in read_all(context, pdf, **OCR)] == [("ok", False)]


def test_no_page_is_reused_if_the_cache_is_switched_off(tmp_path: Path, device: FakeDevice) -> None:
    with worker_context(tmp_path, device, SLIMGEST_PAGE_CACHE=False) as context:
        for _ in range(2):
            assert not any(page.cached for page in read_all(context, _scans(1, 2), **OCR))
        assert context.parts.redis.keys("slimgest:pages:*") == []


def test_the_pages_of_a_deleted_job_are_not_reused(context: WorkerContext) -> None:
    pdf = _scans(1, 2)
    read_all(context, pdf, **OCR)
    for job_id in context.files.job_ids():
        context.files.delete(job_id)
    assert not any(page.cached for page in read_all(context, pdf, **OCR))


def test_reused_pages_stay_in_the_cache_until_the_latest_job_with_them_is_deleted(context: WorkerContext) -> None:
    pdf = _scans(1, 2)
    read_all(context, pdf, **OCR)
    (first,) = context.files.job_ids()
    read_all(context, pdf, **OCR)
    context.files.delete(first)
    assert all(page.cached for page in read_all(context, pdf, **OCR))


def test_the_pages_of_an_encrypted_pdf_are_never_reused(context: WorkerContext) -> None:
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(_scans(1, 2))) as pdf:
        pdf.save(stored, encryption=pikepdf.Encryption(owner="o", user="secret"))
    for _ in range(2):
        pages = read_all(context, stored.getvalue(), password="secret", **OCR)
        assert [(page.status, page.cached) for page in pages] == [("ok", False)] * 2
    assert context.parts.redis.keys("slimgest:pages:*") == []


def test_only_pages_without_a_text_layer_are_looked_up_in_the_cache(context: WorkerContext, device: FakeDevice) -> None:
    text = pdfs.text_pages(["\n".join(pdfs.PROSE)] * 30)
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(text)) as pdf, pikepdf.open(io.BytesIO(_scans(1))) as scan:
        pdf.pages.insert(17, scan.pages[0])
        pdf.save(stored)
    looked_up: list[int] = []
    real = Fingerprints.of
    with mock.patch.object(Fingerprints, "of", lambda self, number: (looked_up.append(number), real(self, number))[1]):
        read_all(context, stored.getvalue(), dpi=50.0)
        assert _count(device) > 0
        pages = read_all(context, stored.getvalue(), dpi=50.0)
    assert _count(device) == 0 and set(looked_up) == {18}, "no page of ingest's sample, which has text"
    assert [page.page_number for page in pages if page.cached] == [18] and pages[17].reason == "no_text"


def test_all_pages_are_read_if_the_cache_fails(context: WorkerContext) -> None:
    pdf = _scans(1, 2)
    read_all(context, pdf, **OCR)
    with (
        mock.patch.object(context.page_index, "find", side_effect=RedisError),
        mock.patch.object(context.page_index, "put", side_effect=RedisError),
    ):
        assert [(page.status, page.cached) for page in read_all(context, pdf, **OCR)] == [("ok", False)] * 2


def test_a_page_is_read_again_if_its_record_is_incomplete(context: WorkerContext, tmp_path: Path) -> None:
    read_all(context, _scans(1, 2), **OCR)
    for stored in tmp_path.rglob("pages/*.jsonl"):
        stored.write_bytes(stored.read_bytes()[:-40])
    assert [(page.status, page.cached) for page in read_all(context, _scans(1, 2), **OCR)] == [("ok", False)] * 2


def test_the_second_attempt_at_a_range_does_not_use_the_cache(context: WorkerContext) -> None:
    pdf = _scans(1, 2, 3)
    begin = context.job_state.begin_attempt

    def begin_second_attempt(job_id: str, first: int, last: int, retry_count: int = 0) -> tuple[int, bool]:
        attempt, over = begin(job_id, first, last, retry_count)
        return attempt + 1, over

    with (
        mock.patch.object(context.job_state, "begin_attempt", begin_second_attempt),
        mock.patch.object(Fingerprints, "of", side_effect=AssertionError("the worker would die again")),
    ):
        assert [page.status for page in read_all(context, pdf, **OCR)] == ["ok"] * 3


def test_cache_entries_are_small_and_expire_after_the_retention(tmp_path: Path, device: FakeDevice) -> None:
    with worker_context(tmp_path, device, SLIMGEST_RETENTION=100, **ON) as context:
        read_all(context, _scans(*range(1, 9)), **OCR)
        names = context.parts.redis.keys("slimgest:pages:*")
        entries = [entry for name in names for entry in context.parts.redis.hgetall(name).items()]
        assert [(len(key), len(value)) for key, value in entries] == [(16, 20)] * 8
        assert all(0 < context.parts.redis.ttl(name) <= 100 for name in names)


def test_an_entry_of_an_earlier_period_is_found_during_the_retention(tmp_path: Path, device: FakeDevice) -> None:
    clock = mock.patch("slimgest_celery.state.page_index.time.time", side_effect=lambda: now_s)
    with worker_context(tmp_path, device, SLIMGEST_RETENTION=100, **ON) as context, clock:
        now_s = 1049.0  # the end of a period of 50 s
        assert [page.cached for page in read_all(context, _scans(1), **OCR)] == [False]
        now_s += 99
        assert [page.cached for page in read_all(context, _scans(1), **OCR)] == [True]


def test_pages_that_are_rendered_ahead_are_reused_too(tmp_path: Path, device: FakeDevice) -> None:
    with worker_context(tmp_path, device, helpers=1, **ON) as context:
        read_all(context, _scans(*range(1, 20)), **OCR)
        # No page of ingest's sample is in the cache.
        numbers = [1 + number if number % 2 else 200 - number for number in range(18)]
        pages = read_all(context, _scans(*numbers, *range(100, 112)), **OCR)
        assert [page.cached for page in pages] == [False, True] * 9 + [False] * 12


def test_the_look_up_in_ingest_has_a_time_limit(context: WorkerContext) -> None:
    pdf = _scans(*range(1, 41))
    read_all(context, pdf, **OCR)
    with (
        mock.patch("slimgest_celery.pipeline.page_reuse._BATCHES_S", -1),
        mock.patch.object(PageReuse, "page", lambda *_: None),
    ):
        assert not any(page.cached for page in read_all(context, pdf, **OCR))


@pytest.mark.parametrize("changed", ["layout/reading_order.py", "events/publish.lua"])
def test_a_change_of_the_code_or_of_a_script_makes_cached_pages_stale(tmp_path: Path, changed: str) -> None:
    package = tmp_path / "slimgest_celery"
    shutil.copytree(Path(slimgest_celery.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    before = hash_code(package)
    with (package / changed).open("a") as file:
        file.write("\n")
    assert hash_code(package) != before


def test_compiled_python_files_do_not_make_cached_pages_stale(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    before = hash_code(tmp_path)
    (tmp_path / "a.pyc").write_text("compiled")
    assert hash_code(tmp_path) == before


def test_the_hash_of_the_code_covers_the_whole_installed_package() -> None:
    package = Path(slimgest_celery.__file__).parent
    assert (package / "layout").is_dir() and _code_hash() == hash_code(package)
