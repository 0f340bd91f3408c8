"""Hostile PDFs: each gets an answer in time, and the worker that read it reads the next document."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator

import pikepdf
import pytest

from tests.faults.fuzz import LIMITS, fuzz
from tests.support import pdfs
from tests.support.stack import Stack, running, wait_for


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("hostile"), beat=True, **LIMITS) as started:
        yield started


def _saved(pdf: pikepdf.Pdf) -> bytes:
    stored = io.BytesIO()
    pdf.save(stored, compress_streams=True, recompress_flate=True)
    return stored.getvalue()


def _with_content(content: bytes, **page: object) -> bytes:
    with pikepdf.open(io.BytesIO(pdfs.text_pages(["x"]))) as pdf:
        pdf.pages[0].Contents = pdf.make_stream(content)
        for name, value in page.items():
            pdf.pages[0].obj[f"/{name}"] = value
        return _saved(pdf)


def deep_page_tree() -> bytes:
    """a page at the end of two thousand nested nodes"""
    with pikepdf.open(io.BytesIO(pdfs.text_pages(["x"]))) as pdf:
        node = pdf.pages[0].obj
        for _ in range(2000):
            node = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Pages, Kids=pikepdf.Array([node]), Count=1))
        pdf.Root.Pages = node
        return _saved(pdf)


def looping_page_tree() -> bytes:
    """a node of the page tree that holds itself"""
    with pikepdf.open(io.BytesIO(pdfs.text_pages(["x", "y"]))) as pdf:
        pdf.Root.Pages.Kids.append(pdf.Root.Pages)
        pdf.Root.Pages.Count = 1_000_000
        return _saved(pdf)


def decompression_bomb() -> bytes:
    """a few hundred kilobytes that unfold to 300 MB of drawing commands"""
    return _with_content(b"0 0 m 1 1 l S\n" * (300_000_000 // 14))


def many_objects() -> bytes:
    """two hundred thousand pieces of text on one page"""
    return _with_content(b"BT /F1 6 Tf " + b"1 0 0 1 100 100 Tm (a) Tj " * 200_000 + b"ET")


def text_bomb() -> bytes:
    """two million characters on one page"""
    return _with_content(b"BT /F1 6 Tf 1 0 0 1 100 100 Tm " + (b"(" + b"word " * 200 + b") Tj T* ") * 2_000 + b"ET")


def looping_form() -> bytes:
    """a form that draws itself"""
    with pikepdf.open(io.BytesIO(pdfs.text_pages(["x"]))) as pdf:
        form = pdf.make_stream(b"/Me Do", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 100, 100])
        form.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Me=form))
        pdf.pages[0].Resources.XObject = pikepdf.Dictionary(Me=form)
        pdf.pages[0].Contents = pdf.make_stream(b"/Me Do")
        return _saved(pdf)


def endless_page() -> bytes:
    """a page of 1 by 14,400,000 points"""
    return _with_content(b"0 0 m 1 1 l S", MediaBox=pikepdf.Array([0, 0, 1, 14_400_000]))


def page_without_size() -> bytes:
    """a page of no size at all"""
    return _with_content(b"0 0 m 1 1 l S", MediaBox=pikepdf.Array([0, 0, 0, 0]))


def truncated() -> bytes:
    """the first half of a PDF"""
    whole = pdfs.text_pages(["text"] * 50)
    return whole[: len(whole) // 2]


HOSTILE_PDFS = [
    deep_page_tree,
    looping_page_tree,
    decompression_bomb,
    many_objects,
    text_bomb,
    looping_form,
    endless_page,
    page_without_size,
    truncated,
]


@pytest.mark.alone
@pytest.mark.parametrize("draw", HOSTILE_PDFS, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("mode", ["auto", "ocr"])
def test_a_hostile_pdf_gets_an_answer_and_the_next_document_is_read(
    limited: Stack, draw: Callable[[], bytes], mode: str
) -> None:
    pdf = draw()
    began_s = time.monotonic()
    answer = limited.post("/process-pdf", pdf, mode=mode)
    taken_s = time.monotonic() - began_s
    assert answer.status_code in (200, 422), answer.text[:500]
    document = answer.json()["pdfs"][0] if answer.status_code == 200 else None
    codes = (
        {page["error"]["code"] for page in document["pages"] if page["error"]} if document else {answer.json()["code"]}
    )
    assert all(code.startswith(("pdf.", "page.", "job.")) for code in codes)
    assert taken_s < 5 * limited.settings.page_timeout_s, f"{draw.__doc__}: {codes}"
    wait_for(lambda: len(limited.ready_workers()) == 2, what="both workers")
    assert limited.post("/process-pdf", pdfs.numbered(2)).json()["pdfs"][0]["status"] == "completed"


def test_the_jobs_of_sixty_mutants_all_end(limited: Stack) -> None:
    ends = fuzz(limited, count=60, seed=20261123, seconds=120)
    assert ends.total() == 60 and len(ends) > 2, ends
