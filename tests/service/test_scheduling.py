"""The scheduling of pages: the first pages of each job come first, and one task has many quick pages."""

from __future__ import annotations

import pytest

from slimgest_celery.state.job_state import job_key
from tests.support import pdfs
from tests.support.stack import Stack, wait_for


@pytest.mark.alone
def test_a_short_document_is_read_before_the_rest_of_a_long_one(stack: Stack) -> None:
    book = stack.submit(pdfs.numbered(250))  # about six seconds for two workers
    wait_for(lambda: stack.status(book)["pages_done"] > 0, what="a page of the book")
    letter = stack.submit(pdfs.numbered(2))
    assert stack.wait_end(letter)["status"] == "completed"
    assert _pages_read_before_the_end_of(letter, book, stack) < 250
    stack.request("DELETE", f"/jobs/{book}")


def _pages_read_before_the_end_of(letter: str, book: str, stack: Stack) -> int:
    """Return how many pages of the book were published before the end of the letter.

    The ids of events contain the time: to ask for the status takes time, in which more pages are read.
    """
    (ended,) = (event for event in stack.events(letter) if event.last)
    read = stack.redis.xrange(job_key(book, "events"), "-", ended.id)
    return len(read) - 1  # without `start`


@pytest.mark.alone
def test_a_task_of_a_long_document_yields_to_a_short_one_at_the_end_of_a_page(stack: Stack) -> None:
    book = stack.submit_book(250)  # about 60 pages per task; a worker takes three seconds for them
    letter = stack.submit(pdfs.numbered(2))
    assert stack.wait_end(letter)["status"] == "completed"
    assert _pages_read_before_the_end_of(letter, book, stack) < 60, "no task of the long document has ended"
    assert stack.wait_end(book)["status"] == "completed"
    for job_id, pages in ((book, 250), (letter, 2)):
        read = stack.document(job_id)["pages"]
        assert [page["text"] for page in read] == [f"page {number}" for number in range(1, pages + 1)]
        assert {page["attempts"] for page in read} == {1}
        published = [event.data["page_number"] for event in stack.events(job_id) if event.type == "page"]
        assert sorted(published) == list(range(1, pages + 1))


@pytest.mark.alone
def test_a_task_reads_tens_of_pages_with_text_and_each_once(stack: Stack) -> None:
    texts = [f"This is page {number} of a document that was never scanned." for number in range(1, 201)]
    job_id = stack.submit(pdfs.text_pages(texts))
    assert stack.wait_end(job_id)["status"] == "completed"
    assert [page["text"] for page in stack.document(job_id)["pages"]] == texts
    attempts = len(list((stack.folder / "jobs" / job_id / "pages").iterdir()))
    assert attempts <= 40, "a file for each task, and for each quarter of a second of a task"
