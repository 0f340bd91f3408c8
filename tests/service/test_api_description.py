"""The live API against its document: schemathesis asks for what it promises, and for what it forbids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from api import create_app
from slimgest_celery.config import Settings
from slimgest_celery.deliveries import make_secret
from tests.support import pdfs
from tests.support.engines import RAISE
from tests.support.stack import Stack, running

GOOD = pdfs.numbered(1)


def _document() -> dict[str, Any]:
    nowhere = Settings.from_env({"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"})
    return dict(create_app(nowhere).test_client().get("/openapi.json").get_json())


schema = schemathesis.openapi.from_dict(_document())


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service of its own, whose queue and jobs are nobody else's."""
    callbacks = {"SLIMGEST_WEBHOOK_SECRET": make_secret(), "SLIMGEST_CALLBACK_NETWORKS": "127.0.0.0/8"}
    with running(tmp_path_factory.mktemp("asked"), workers=1, **callbacks) as started:
        yield started


@pytest.fixture(scope="module")
def there(asked: Stack) -> list[dict[str, str]]:
    """What paths may name: a job of which a page failed and whose callback nobody heard, and one that failed."""
    first = asked.submit(pdfs.coloured([(0, 1, 0), RAISE, (0, 3, 0)]), callback_url="http://127.0.0.1:9/")
    other = asked.submit(b"%PDF-1.4 nothing more")
    for job_id in (first, other):
        asked.wait_end(job_id)
    (message,) = asked.get(f"/jobs/{first}/deliveries").json()["deliveries"]
    return [{"job_id": first, "delivery_id": message["id"]}, {"job_id": other}]


@schema.parametrize()
@settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_tells_of(case: Case, asked: Stack, there: list[dict[str, str]]) -> None:
    # What its schema calls good may still be no PDF, or no longer a job.
    excluded = [positive_data_acceptance]
    if case.meta and case.meta.generation.mode == GenerationMode.POSITIVE:
        _furnish(case, there)
        excluded.append(negative_data_rejection)  # for which bytes that were not its own are a violation
    answer = case.call(base_url=asked.url, timeout=30)
    if answer.status_code != 414:  # gunicorn's word on an address of more than 4 KB, which the API never sees
        case.validate_response(answer, excluded_checks=excluded)


def _furnish(case: Case, there: list[dict[str, str]]) -> None:
    """Jobs and pages that there are, in three of four cases, and real PDFs in every other one."""
    path, body = dict(case.path_parameters), case.body
    if choice := sum(str(path).encode()) % 4:
        known = {**(there[0] if choice > 1 else there[1]), "page_number": 1 + choice % 3}
        case.path_parameters = {name: known.get(name, value) for name, value in path.items()}
    if isinstance(body, dict) and "file" in body and len(str(body)) % 2:
        case.body = {**{name: body[name] for name in body if name not in ("files", "callback_url")}, "file": GOOD}
