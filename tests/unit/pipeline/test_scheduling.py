"""The sizes of tasks, and the order of the last pages: the longest first, so that all workers end at the same time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from unittest import mock
from uuid import uuid4

import pikepdf
import pytest
from PIL import Image, ImageDraw
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.models.job import Job, Mode, Options
from slimgest_celery.models.record import now
from slimgest_celery.models.service import Worker
from slimgest_celery.pdf.document import Pdf, open_pdf
from slimgest_celery.pipeline import ingest
from slimgest_celery.pipeline.ingest import ingest_job
from slimgest_celery.pipeline.page_range import PageRange, split_into_ranges
from slimgest_celery.pipeline.scheduling import longest_first, range_length
from slimgest_celery.pipeline.watchdog import Blame
from tests.support import pdfs
from tests.support.worker_context import FakeDevice, worker_context

_A5 = (420, 595)


def _scan(lines: int) -> Image.Image:
    image = Image.new("L", (875, 1240), 255)
    pen = ImageDraw.Draw(image)
    for row in range(lines):
        pen.text((70, 40 + 18 * row), pdfs.PROSE[row % len(pdfs.PROSE)], fill=0)
    return image


def _scans(lines: Iterable[int], bilevel: Sequence[int] = ()) -> bytes:
    """Return a PDF with a page per number of lines. The pages are JPEGs, except those in `bilevel`, counted from 1."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=_A5, pageCompression=1)
    for number, count in enumerate(lines, 1):
        packed = io.BytesIO()
        _scan(count).save(packed, "JPEG")
        image = _scan(count).convert("1") if number in bilevel else packed
        canvas.drawImage(ImageReader(image), 0, 0, *_A5)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def _order(tmp_path: Path, content: bytes, workers: int = 2, length: int = 1) -> list[PageRange]:
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    with closing(open_pdf(path)) as pdf:
        return longest_first(list(split_into_ranges(range(1, len(pdf) + 1), lambda _left: length)), pdf, workers)


def _first_pages(page_ranges: Sequence[PageRange]) -> list[int]:
    return [page_range.first for page_range in page_ranges]


def test_the_last_pages_are_ordered_by_their_content_and_earlier_pages_stay_in_order(tmp_path: Path) -> None:
    found = _order(tmp_path, _scans([9, 50, 1, 30, 10, 60, 20, 5, 40, 50]))
    assert _first_pages(found) == [1, 2, 3, 4, 6, 10, 9, 7, 5, 8]
    priorities = [page_range.priority for page_range in found]
    assert priorities == [page_range.priority for page_range in split_into_ranges(range(1, 11), lambda _left: 1)], (
        "a page gets the priority of its new place"
    )


def test_the_first_page_of_each_worker_stays_in_its_place(tmp_path: Path) -> None:
    assert _first_pages(_order(tmp_path, _scans([1, 2, 3, 60]))) == [1, 2, 4, 3]
    assert _first_pages(_order(tmp_path, _scans([1, 60]))) == [1, 2]


def test_sizes_are_compared_between_pages_with_the_same_compression(tmp_path: Path) -> None:
    found = _order(tmp_path, _scans([9, 9, 20, 60, 10, 50], bilevel=[3, 4]))
    assert _first_pages(found)[2] in (4, 6) and set(_first_pages(found)[2:4]) == {4, 6}


def test_ingest_orders_the_pages_for_the_number_of_registered_workers(tmp_path: Path) -> None:
    with worker_context(tmp_path, FakeDevice(0, batch_size=1)) as context:
        for name in ("cpu0@host", "cpu1@host"):
            context.worker_registry.register(Worker(name=name, device="cpu", engine="fake-device", state="idle"))
        job = Job(job_id=str(uuid4()), filename="a", options=Options(mode=Mode.OCR), created_at=now())
        context.files.create(job, io.BytesIO(_scans([1, 2, 3, 60])), None)
        assert _first_pages(ingest_job(context, job.job_id)) == [1, 2, 4, 3]


def test_pages_without_images_and_unreadable_pages_stay_in_order(tmp_path: Path) -> None:
    assert _first_pages(_order(tmp_path, pdfs.numbered(8))) == list(range(1, 9))
    assert _first_pages(_order(tmp_path, pdfs.with_broken_page(["one", "two", "three", "four"], 3))) == [1, 2, 3, 4]


def test_a_page_with_an_empty_image_stays_in_order(tmp_path: Path) -> None:
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(_scans([1, 2, 3, 60]))) as opened:
        for page in opened.pages:
            for picture in page.Resources.XObject.values():
                picture.write(b"", filter=pikepdf.Name.DCTDecode)
        opened.save(stored)
    assert _first_pages(_order(tmp_path, stored.getvalue())) == [1, 2, 3, 4]


def test_the_pages_are_not_compared_again_after_the_comparison_ended_the_worker(tmp_path: Path) -> None:
    """Nobody is to blame for that: if the PDF were, the watchdog would fail the whole job."""
    watched: list[Blame] = []

    def watch(job_id: str, blame: Blame, page_count: int = 1) -> AbstractContextManager[None]:
        watched.append(blame)
        return nullcontext()

    with worker_context(tmp_path, FakeDevice(0, batch_size=1)) as context:
        context = replace(context, watch=watch)
        for name in ("cpu0@host", "cpu1@host"):
            context.worker_registry.register(Worker(name=name, device="cpu", engine="fake-device", state="idle"))
        job = Job(job_id=str(uuid4()), filename="a", options=Options(mode=Mode.OCR), created_at=now())
        context.files.create(job, io.BytesIO(_scans([1, 2, 3, 60])), None)
        blames: list[Blame] = []

        def die(page_ranges: Sequence[PageRange], _pdf: Pdf, workers: int) -> list[PageRange]:
            blames.append(watched[-1])
            raise KeyboardInterrupt

        with mock.patch.object(ingest, "longest_first", die):
            with pytest.raises(KeyboardInterrupt):
                ingest_job(context, job.job_id)
            assert _first_pages(ingest_job(context, job.job_id)) == [1, 2, 3, 4]
        assert blames == [Blame.nobody()]


def test_pages_stay_in_order_for_one_worker_and_for_tasks_of_several_pages(tmp_path: Path) -> None:
    scans = _scans([1, 2, 3, 60, 5, 6, 7, 8])
    assert _first_pages(_order(tmp_path, scans, workers=1)) == list(range(1, 9))
    assert _first_pages(_order(tmp_path, scans, length=2)) == [1, 3, 5, 7]


def test_a_task_has_one_page_if_pages_take_seconds_and_hundreds_if_they_take_a_millisecond() -> None:
    assert range_length(2.0, left=1000, workers=2) == 1
    assert range_length(0.05, left=1000, workers=2) == 10
    assert range_length(0.001, left=5000, workers=2) == 256


def test_tasks_get_shorter_towards_the_end_so_that_workers_finish_together() -> None:
    lengths = [
        len(page_range.page_numbers)
        for page_range in split_into_ranges(range(1, 2001), lambda left: range_length(0.002, left, 8))
    ]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == 125 and lengths[-2] == 20, "a task takes at least 40 ms"


def test_a_few_fast_pages_are_one_task() -> None:
    assert len(list(split_into_ranges(range(1, 11), lambda left: range_length(0.002, left, 16)))) == 1
