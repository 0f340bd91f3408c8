"""The types of the client. mypy checks this file with the code and reports a type that differs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import assert_never, assert_type

import pytest

import slimgest_celery
from slimgest_celery import AsyncClient, Client, Mode, Options, model
from slimgest_celery.client import (
    AsyncDocument,
    DocumentTable,
    JobCompleted,
    JobEvent,
    JobFailed,
    JobStarted,
    PageDone,
    SyncDocument,
)
from slimgest_celery.models.job import JobStatus, Status
from slimgest_celery.models.page import Page
from slimgest_celery.models.responses import Accepted


def _by_class(event: JobEvent) -> str | int:
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
    assert_type(client.process(b"", Options(mode=Mode.OCR)), SyncDocument)
    assert_type(client.process(b"").tables, list[DocumentTable])
    assert_type(client.jobs(status=JobStatus.FAILED), Iterator[Status])
    client.result_as("", "docx")  # type: ignore[arg-type]
    assert_type(client.submit(b""), Accepted)
    assert_type(client.stream(""), Iterator[JobEvent])
    assert_type(client.pages(""), Iterator[Page])


async def _awaited(client: AsyncClient) -> None:
    assert_type(await client.process(b""), AsyncDocument)
    assert_type(await (await client.result("")).markdown(), str)
    assert_type(client.stream(""), AsyncIterator[JobEvent])


def test_the_class_and_the_type_of_an_event_both_identify_it() -> None:
    event = JobFailed(id="1-0", code="job.cancelled", message="The job was cancelled.")
    assert _by_class(event) == "job.cancelled" and _by_type(event) is None


def test_a_worker_that_imports_the_package_does_not_import_the_client() -> None:
    ask = "import sys, slimgest_celery.tasks; print('httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_package_exports_the_records_of_the_client() -> None:
    for name in set(slimgest_celery.__all__) - {"AsyncClient", "Client", "celery"}:
        assert getattr(slimgest_celery, name) is getattr(model, name)


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = slimgest_celery.nothing
