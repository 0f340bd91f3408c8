"""Of the last pages those that take longest are read first, so that all workers end at about the same time."""

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

from slimgest_celery import pipeline
from slimgest_celery.last_pages import longest_first
from slimgest_celery.model import Job, Mode, Options, Worker, now
from slimgest_celery.pdf import Pdf, open_pdf
from slimgest_celery.spans import Span, spans
from tests.support import pdfs
from tests.support.desk import FakeDevice, desk

_A5 = (420, 595)


def _scan(lines: int) -> Image.Image:
    image = Image.new("L", (875, 1240), 255)
    pen = ImageDraw.Draw(image)
    for row in range(lines):
        pen.text((70, 40 + 18 * row), pdfs.PROSE[row % len(pdfs.PROSE)], fill=0)
    return image


def _scans(lines: Iterable[int], bilevel: Sequence[int] = ()) -> bytes:
    """A page with so many lines for each number; JPEGs, but for those in `bilevel`, counted from 1."""
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


def _ordered(tmp_path: Path, content: bytes, workers: int = 2, length: int = 1) -> list[Span]:
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    with closing(open_pdf(path)) as pdf:
        return longest_first(list(spans(range(1, len(pdf) + 1), lambda _left: length)), pdf, workers)


def _pages(found: Sequence[Span]) -> list[int]:
    return [span.first for span in found]


def test_the_fullest_of_the_last_pages_come_first_and_those_before_stay_in_order(tmp_path: Path) -> None:
    found = _ordered(tmp_path, _scans([9, 50, 1, 30, 10, 60, 20, 5, 40, 50]))
    assert _pages(found) == [1, 2, 3, 4, 6, 10, 9, 7, 5, 8]
    priorities = [span.priority for span in found]
    assert priorities == [span.priority for span in spans(range(1, 11), lambda _left: 1)], "of the places"


def test_the_first_page_of_each_worker_stays_in_its_place(tmp_path: Path) -> None:
    assert _pages(_ordered(tmp_path, _scans([1, 2, 3, 60]))) == [1, 2, 4, 3]
    assert _pages(_ordered(tmp_path, _scans([1, 60]))) == [1, 2]


def test_bytes_are_compared_among_pages_that_are_compressed_alike(tmp_path: Path) -> None:
    found = _ordered(tmp_path, _scans([9, 9, 20, 60, 10, 50], bilevel=[3, 4]))
    assert _pages(found)[2] in (4, 6) and set(_pages(found)[2:4]) == {4, 6}


def test_a_job_is_planned_so_for_as_many_workers_as_there_are(tmp_path: Path) -> None:
    with desk(tmp_path, FakeDevice(0, batch_size=1)) as at:
        for name in ("cpu0@here", "cpu1@here"):
            at.jobs.roster.sign_on(Worker(name=name, device="cpu", engine="fake-device", state="idle"))
        job = Job(job_id=str(uuid4()), filename="a", options=Options(mode=Mode.OCR), created_at=now())
        at.jobs.files.create(job, io.BytesIO(_scans([1, 2, 3, 60])), None)
        assert _pages(pipeline.plan(at, job.job_id)) == [1, 2, 4, 3]


def test_pages_of_which_nothing_shows_stay_in_order(tmp_path: Path) -> None:
    assert _pages(_ordered(tmp_path, pdfs.numbered(8))) == list(range(1, 9))
    assert _pages(_ordered(tmp_path, pdfs.with_broken_page(["one", "two", "three", "four"], 3))) == [1, 2, 3, 4]


def test_an_empty_picture_is_no_reason_to_fail(tmp_path: Path) -> None:
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(_scans([1, 2, 3, 60]))) as opened:
        for page in opened.pages:
            for picture in page.Resources.XObject.values():
                picture.write(b"", filter=pikepdf.Name.DCTDecode)
        opened.save(stored)
    assert _pages(_ordered(tmp_path, stored.getvalue())) == [1, 2, 3, 4]


def test_where_a_page_ends_the_worker_that_looks_its_successor_does_not_look(tmp_path: Path) -> None:
    """And nobody is blamed: the guard would fail the whole job for a PDF that cannot be opened."""
    watched: list[Sequence[int] | None] = []

    def watch(_job_id: str, page_numbers: Sequence[int] | None) -> AbstractContextManager[None]:
        watched.append(page_numbers)
        return nullcontext()

    with desk(tmp_path, FakeDevice(0, batch_size=1)) as at:
        at = replace(at, watch=watch)
        for name in ("cpu0@here", "cpu1@here"):
            at.jobs.roster.sign_on(Worker(name=name, device="cpu", engine="fake-device", state="idle"))
        job = Job(job_id=str(uuid4()), filename="a", options=Options(mode=Mode.OCR), created_at=now())
        at.jobs.files.create(job, io.BytesIO(_scans([1, 2, 3, 60])), None)
        looked: list[int] = []

        def killed(found: Sequence[Span], _pdf: Pdf, workers: int) -> list[Span]:
            looked.append(len(watched[-1] or ()))
            raise KeyboardInterrupt

        with mock.patch.object(pipeline, "longest_first", killed):
            with pytest.raises(KeyboardInterrupt):
                pipeline.plan(at, job.job_id)
            assert _pages(pipeline.plan(at, job.job_id)) == [1, 2, 3, 4]
        assert looked == [2]


def test_one_worker_reads_in_order_and_so_do_tasks_of_several_pages(tmp_path: Path) -> None:
    scans = _scans([1, 2, 3, 60, 5, 6, 7, 8])
    assert _pages(_ordered(tmp_path, scans, workers=1)) == list(range(1, 9))
    assert _pages(_ordered(tmp_path, scans, length=2)) == [1, 3, 5, 7]
