"""What type checkers know of the client: mypy reads this file with the code, and fails where it is not so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import assert_never, assert_type

from slimgest_celery import AsyncClient, Client
from slimgest_celery.answers import Accepted
from slimgest_celery.client import JobCompleted, JobEvent, JobFailed, JobStarted, PageDone
from slimgest_celery.model import Document, JobStatus, Page


def _told(event: JobEvent) -> str | int:
    match event:
        case JobStarted():
            return assert_type(event.filename, str)
        case PageDone():
            return assert_type(event.page_number, int)
        case JobCompleted():
            return assert_type(event.status, JobStatus)
        case JobFailed():
            return assert_type(event.code, str)
        case _:
            assert_never(event)


def _by_type(event: JobEvent) -> str | None:
    return assert_type(event.page_text, str) if event.type == "page" else None


def _answers(client: Client) -> None:
    assert_type(client.process(b""), Document)
    assert_type(client.submit(b""), Accepted)
    assert_type(client.stream(""), Iterator[JobEvent])
    assert_type(client.pages(""), Iterator[Page])


async def _awaited(client: AsyncClient) -> None:
    assert_type(await client.process(b""), Document)
    assert_type(client.stream(""), AsyncIterator[JobEvent])


def test_an_event_is_told_from_others_by_its_class_and_by_its_type() -> None:
    event = JobFailed(id="1-0", code="job.cancelled", message="The job was cancelled.")
    assert _told(event) == "job.cancelled" and _by_type(event) is None


def test_a_worker_that_imports_the_package_does_not_import_the_client() -> None:
    ask = "import sys, slimgest_celery.tasks; print('httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
