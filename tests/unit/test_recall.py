"""Pages that were read before are not read again; what is read anew and why. A worker's desk, with Redis in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pikepdf
import pytest
from redis.exceptions import RedisError

from slimgest_celery import pipeline
from slimgest_celery.desk import Desk
from slimgest_celery.fingerprints import Fingerprints
from slimgest_celery.model import Job, Options, now
from slimgest_celery.recall import Recall
from tests.support import pdfs
from tests.support.desk import FakeDevice, desk, read_all

ON = {"SLIMGEST_PAGE_CACHE": True}
OCR = {"dpi": 50.0, "mode": "ocr"}


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice(0, batch_size=4)


@pytest.fixture
def at(tmp_path: Path, device: FakeDevice) -> Iterator[Desk]:
    with desk(tmp_path, device, **ON) as made:
        yield made


def _scans(*numbers: int) -> bytes:
    """A scan for each number."""
    return pdfs.coloured([(0, number, 0) for number in numbers])


def _count(device: FakeDevice) -> int:
    """The images read since this was asked last."""
    count = sum(pages for _, _, pages in device.batches)
    device.batches.clear()
    return count


def test_a_document_that_comes_again_is_not_read_again(at: Desk, device: FakeDevice) -> None:
    pdf = _scans(*range(1, 41))
    first = read_all(at, pdf, **OCR)
    assert _count(device) >= 40 and not any(page.cached for page in first)
    again = read_all(at, pdf, **OCR)
    assert _count(device) == 0 and all(page.cached for page in again)
    own = {"cached", "seconds"}
    assert [page.model_dump(exclude=own) for page in again] == [page.model_dump(exclude=own) for page in first]
    assert all(page.seconds.render == page.seconds.read == 0 for page in again)


def test_all_that_was_read_before_is_stored_and_told_by_ingest(at: Desk) -> None:
    pdf = _scans(*range(1, 21))
    read_all(at, pdf, **OCR)
    job = Job(job_id="5b1b0f0e-0000-4000-8000-000000000001", filename="a", options=Options(**OCR), created_at=now())
    at.jobs.files.create(job, io.BytesIO(pdf), None)
    assert pipeline.plan(at, job.job_id) == []
    (progress,) = at.jobs.ledger.progress([job.job_id])
    assert (progress.pages_done, progress.total_pages) == (20, 20)
    end = pipeline.assemble(at.jobs, job.job_id)
    assert end is not None and end.status == "completed"


def test_pages_that_nobody_read_do_not_count_as_read(at: Desk) -> None:
    """Else a worker that recalled a book would promise the next one in no time."""
    pdf = _scans(*range(1, 9))
    read_all(at, pdf, **OCR)
    before = float(at.jobs.redis.hget("slimgest:speed", "pages") or 0)
    job = Job(job_id="5b1b0f0e-0000-4000-8000-000000000002", filename="a", options=Options(**OCR), created_at=now())
    at.jobs.files.create(job, io.BytesIO(pdf), None)
    with mock.patch.object(Recall, "many", return_value=[]):  # ingest leaves them to a task
        pipeline.plan(at, job.job_id)
    pipeline.read(at, job.job_id, 1, 8)
    assert all(page.cached for page in at.jobs.files.pages(job.job_id).values())
    assert 0 < float(at.jobs.redis.hget("slimgest:speed", "pages") or 0) <= before


def test_an_edited_document_costs_its_changed_pages(at: Desk, device: FakeDevice) -> None:
    read_all(at, _scans(*range(1, 21)), **OCR)
    _count(device)
    numbers = [3, 21, *range(5, 15), 22, 2]
    pages = read_all(at, _scans(*numbers), **OCR)
    assert [page.cached for page in pages] == [number <= 20 for number in numbers]
    assert [page.page_number for page in pages] == list(range(1, len(numbers) + 1))
    assert _count(device) > 0
    afresh = read_all(at, _scans(*numbers), owner="somebody else", **OCR)
    assert [page.text for page in pages] == [page.text for page in afresh], "each page has its own text"


def test_equal_pages_of_one_document_are_read_once(at: Desk, device: FakeDevice) -> None:
    device.batch_size = 1
    pages = read_all(at, _scans(1, 1, 1), **OCR)
    assert [page.cached for page in pages] == [False, True, True]


@pytest.mark.parametrize(
    "other", [{"dpi": 51.0}, {"mode": "auto"}, {"owner": "bob"}, {"password": "none is needed"}], ids=str
)
def test_another_owner_dpi_or_mode_is_read(at: Desk, device: FakeDevice, other: dict[str, object]) -> None:
    pdf = _scans(1, 2)
    read_all(at, pdf, **{"owner": "alice", **OCR})  # type: ignore[arg-type]
    _count(device)
    pages = read_all(at, pdf, **{"owner": "alice", **OCR, **other})  # type: ignore[arg-type]
    same = "password" in other
    assert [page.cached for page in pages] == [same, same] and (_count(device) == 0) == same


def test_another_engine_model_setting_or_release_is_read(at: Desk, device: FakeDevice, tmp_path: Path) -> None:
    pdf = _scans(1)

    def is_read_by(reader: FakeDevice, where: Desk = at) -> bool:
        who = replace(where, engine=reader)
        return [page.cached for page in read_all(who, pdf, **OCR)] == [False]

    def changed(**what: str) -> FakeDevice:
        other = FakeDevice(0, 1)
        for name, value in what.items():
            setattr(other, name, value)
        return other

    assert is_read_by(device) and not is_read_by(device)
    assert is_read_by(changed(version="2"))
    assert is_read_by(changed(name="another"))
    assert is_read_by(changed(model="finer")) and not is_read_by(changed(model="finer"))
    with mock.patch("slimgest_celery.recall._code", lambda: "the next release"):
        assert is_read_by(device)
    settings = at.jobs.settings.model_copy(update={"max_page_pixels": 10_000})
    with mock.patch.object(at.jobs, "settings", settings):
        assert is_read_by(device)


def test_an_entry_that_names_no_page_costs_none(at: Desk, device: FakeDevice) -> None:
    pdf = _scans(1)
    read_all(at, pdf, **OCR)
    for shelf in at.jobs.redis.keys("slimgest:pages:*"):
        for key in at.jobs.redis.hkeys(shelf):
            at.jobs.redis.hset(shelf, key, "nonsense")
    assert [(page.status, page.cached) for page in read_all(at, pdf, **OCR)] == [("ok", False)]


def test_nothing_is_recalled_where_it_is_switched_off(tmp_path: Path, device: FakeDevice) -> None:
    with desk(tmp_path, device, SLIMGEST_PAGE_CACHE=False) as at:
        for _ in range(2):
            assert not any(page.cached for page in read_all(at, _scans(1, 2), **OCR))
        assert at.jobs.redis.keys("slimgest:pages:*") == []


def test_a_deleted_job_takes_its_pages_with_it(at: Desk) -> None:
    pdf = _scans(1, 2)
    read_all(at, pdf, **OCR)
    for job_id in at.jobs.files.job_ids():
        at.jobs.files.delete(job_id)
    assert not any(page.cached for page in read_all(at, pdf, **OCR))


def test_pages_served_last_as_long_as_the_latest_job_that_has_them(at: Desk) -> None:
    pdf = _scans(1, 2)
    read_all(at, pdf, **OCR)
    (first,) = at.jobs.files.job_ids()
    read_all(at, pdf, **OCR)
    at.jobs.files.delete(first)
    assert all(page.cached for page in read_all(at, pdf, **OCR))


def test_an_encrypted_pdf_is_read_each_time(at: Desk) -> None:
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(_scans(1, 2))) as pdf:
        pdf.save(stored, encryption=pikepdf.Encryption(owner="o", user="secret"))
    for _ in range(2):
        pages = read_all(at, stored.getvalue(), password="secret", **OCR)
        assert [(page.status, page.cached) for page in pages] == [("ok", False)] * 2
    assert at.jobs.redis.keys("slimgest:pages:*") == []


def test_text_layers_are_not_looked_up_and_a_scan_among_them_is(at: Desk, device: FakeDevice) -> None:
    text = pdfs.text_pages(["\n".join(pdfs.PROSE)] * 30)
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(text)) as pdf, pikepdf.open(io.BytesIO(_scans(1))) as scan:
        pdf.pages.insert(17, scan.pages[0])
        pdf.save(stored)
    asked: list[int] = []
    real = Fingerprints.of
    with mock.patch.object(Fingerprints, "of", lambda self, number: (asked.append(number), real(self, number))[1]):
        read_all(at, stored.getvalue(), dpi=50.0)
        assert _count(device) > 0
        pages = read_all(at, stored.getvalue(), dpi=50.0)
    assert _count(device) == 0 and set(asked) == {18}, "ingest's sample has text"
    assert [page.page_number for page in pages if page.cached] == [18] and pages[17].reason == "no_text"


def test_a_cache_that_fails_costs_no_page(at: Desk) -> None:
    pdf = _scans(1, 2)
    read_all(at, pdf, **OCR)
    with (
        mock.patch.object(at.jobs.page_cache, "find", side_effect=RedisError),
        mock.patch.object(at.jobs.page_cache, "put", side_effect=RedisError),
    ):
        assert [(page.status, page.cached) for page in read_all(at, pdf, **OCR)] == [("ok", False)] * 2


def test_a_record_that_a_loss_of_power_has_torn_is_read_again(at: Desk, tmp_path: Path) -> None:
    read_all(at, _scans(1, 2), **OCR)
    for stored in tmp_path.rglob("pages/*.jsonl"):
        stored.write_bytes(stored.read_bytes()[:-40])
    assert [(page.status, page.cached) for page in read_all(at, _scans(1, 2), **OCR)] == [("ok", False)] * 2


def test_a_worker_that_died_in_the_cache_does_not_die_there_again(at: Desk) -> None:
    pdf = _scans(1, 2, 3)
    begin = at.jobs.ledger.begin

    def begun_before(job_id: str, first: int, last: int, run: int = 0) -> tuple[int, bool]:
        attempt, over = begin(job_id, first, last, run)
        return attempt + 1, over

    with (
        mock.patch.object(at.jobs.ledger, "begin", begun_before),
        mock.patch.object(Fingerprints, "of", side_effect=AssertionError("the worker dies")),
    ):
        assert [page.status for page in read_all(at, pdf, **OCR)] == ["ok"] * 3


def test_redis_holds_little_of_it_and_nothing_after_the_retention(tmp_path: Path, device: FakeDevice) -> None:
    with desk(tmp_path, device, SLIMGEST_RETENTION=100, **ON) as at:
        read_all(at, _scans(*range(1, 9)), **OCR)
        names = at.jobs.redis.keys("slimgest:pages:*")
        held = [entry for name in names for entry in at.jobs.redis.hgetall(name).items()]
        assert [(len(key), len(value)) for key, value in held] == [(16, 20)] * 8
        assert all(0 < at.jobs.redis.ttl(name) <= 100 for name in names)


def test_an_entry_of_an_earlier_period_is_found_for_a_retention_time(tmp_path: Path, device: FakeDevice) -> None:
    clock = mock.patch("slimgest_celery.page_cache.time.time", side_effect=lambda: now_s)
    with desk(tmp_path, device, SLIMGEST_RETENTION=100, **ON) as at, clock:
        now_s = 1049.0  # the end of a period of 50 s
        assert [page.cached for page in read_all(at, _scans(1), **OCR)] == [False]
        now_s += 99
        assert [page.cached for page in read_all(at, _scans(1), **OCR)] == [True]


def test_pages_that_are_rendered_ahead_are_recalled_too(tmp_path: Path, device: FakeDevice) -> None:
    with desk(tmp_path, device, helpers=1, **ON) as at:
        read_all(at, _scans(*range(1, 20)), **OCR)
        # Of this one ingest's sample knows no page.
        numbers = [1 + number if number % 2 else 200 - number for number in range(18)]
        pages = read_all(at, _scans(*numbers, *range(100, 112)), **OCR)
        assert [page.cached for page in pages] == [False, True] * 9 + [False] * 12


def test_ingest_looks_no_longer_than_others_will_wait(at: Desk) -> None:
    pdf = _scans(*range(1, 41))
    read_all(at, pdf, **OCR)
    with mock.patch("slimgest_celery.recall._MANY_S", -1), mock.patch.object(Recall, "page", lambda *_: None):
        assert not any(page.cached for page in read_all(at, pdf, **OCR))
