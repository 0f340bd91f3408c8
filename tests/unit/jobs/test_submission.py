"""The submission of PDFs: all of them are accepted or none. Redis is in memory, the storage is a folder."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from slimgest_celery.errors import (
    BrokerUnavailable,
    KeyReused,
    LanguageUnavailable,
    QueueFull,
    UnsupportedFile,
    UploadEmpty,
)
from slimgest_celery.jobs.submission import Submission
from slimgest_celery.models.job import Options
from slimgest_celery.models.service import Worker
from tests.support.worker_context import FakeDevice, LocalContext, worker_context


@pytest.fixture
def context(tmp_path: Path) -> Iterator[LocalContext]:
    with (
        worker_context(tmp_path, FakeDevice(0, batch_size=1), SLIMGEST_MAX_PENDING_JOBS=2) as context,
        mock.patch.object(context.jobs, "send"),
    ):
        yield context


def _submission(*contents: bytes) -> Submission:
    uploads = [(f"{number}.pdf", io.BytesIO(content)) for number, content in enumerate(contents)]
    return Submission(uploads=uploads, options=Options())  # type: ignore[arg-type]


def _assert_nothing_remains(context: LocalContext) -> None:
    assert context.files.job_ids() == context.job_state.pending() == []


def test_each_pdf_becomes_a_stored_and_pending_job(context: LocalContext) -> None:
    jobs = context.parts.submitter.submit(_submission(b"%PDF-1", b"%PDF-2"))
    job_ids = sorted(job.job_id for job in jobs)
    assert sorted(context.files.job_ids()) == sorted(context.job_state.pending()) == job_ids


@pytest.mark.parametrize(("content", "error"), [(b"", UploadEmpty), (b"\0\1\2", UnsupportedFile)])
def test_a_file_of_another_type_refuses_the_whole_submission(
    context: LocalContext, content: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        context.parts.submitter.submit(_submission(b"%PDF-1", content))
    _assert_nothing_remains(context)


def _register(context: LocalContext, *languages: str) -> None:
    context.worker_registry.register(Worker(name="w", device="cpu", engine="e", state="idle", languages=languages))


def test_a_language_that_no_worker_reads_refuses_the_submission(context: LocalContext) -> None:
    _register(context, "de", "Cyrl")
    wanted = replace(_submission(b"%PDF-1"), options=Options(languages="de,el"))
    with pytest.raises(LanguageUnavailable, match=r"reads el\. It reads Cyrl, de") as caught:
        context.parts.submitter.submit(wanted)
    assert "tesseract-ocr-ell" in caught.value.hint
    _assert_nothing_remains(context)


@pytest.mark.parametrize(("known", "wanted"), [(("de", "Cyrl"), "uk"), ((), "el"), (("de",), "auto")])
def test_languages_are_accepted_if_a_worker_reads_them_or_none_says_what_it_reads(
    context: LocalContext, known: tuple[str, ...], wanted: str
) -> None:
    _register(context, *known)
    (job,) = context.parts.submitter.submit(replace(_submission(b"%PDF-1"), options=Options(languages=wanted)))
    assert job.options.languages == wanted


def test_a_submission_without_languages_has_those_of_the_settings(tmp_path: Path) -> None:
    with (
        worker_context(tmp_path, FakeDevice(0, batch_size=1), SLIMGEST_LANGUAGES="rus") as context,
        mock.patch.object(context.jobs, "send"),
    ):
        (job,) = context.parts.submitter.submit(_submission(b"%PDF-1"))
        assert context.files.job(job.job_id).options.languages == "ru"


def test_a_submission_that_exceeds_the_limit_of_pending_jobs_is_refused_as_a_whole(context: LocalContext) -> None:
    with pytest.raises(QueueFull):
        context.parts.submitter.submit(_submission(b"%PDF-1", b"%PDF-2", b"%PDF-3"))
    _assert_nothing_remains(context)


def test_nothing_remains_of_a_submission_that_could_not_be_queued(context: LocalContext) -> None:
    with mock.patch.object(context.jobs, "send", side_effect=BrokerUnavailable), pytest.raises(BrokerUnavailable):
        context.parts.submitter.submit(_submission(b"%PDF-1", b"%PDF-2"))
    _assert_nothing_remains(context)


def test_a_repeated_idempotency_key_returns_the_first_jobs(context: LocalContext) -> None:
    first = context.parts.submitter.submit_once(_submission(b"%PDF-1"), "a key")
    assert context.parts.submitter.submit_once(_submission(b"%PDF-1"), "a key") == first
    assert len(context.files.job_ids()) == 1


def test_an_idempotency_key_cannot_be_used_for_another_content(context: LocalContext) -> None:
    context.parts.submitter.submit_once(_submission(b"%PDF-1"), "a key")
    with pytest.raises(KeyReused):
        context.parts.submitter.submit_once(_submission(b"%PDF-2"), "a key")
