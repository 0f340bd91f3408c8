"""The live API against its OpenAPI document: schemathesis sends valid and invalid requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from api import create_app
from slimgest_celery.config import Settings
from slimgest_celery.webhooks.signing import make_secret
from tests.support import pdfs
from tests.support.engines import RAISE
from tests.support.stack import Stack, running

GOOD = pdfs.numbered(1)
schemathesis.serializer.alias(["application/pdf", "image/*"], "application/octet-stream")


def _document() -> dict[str, Any]:
    nowhere = Settings.from_env({"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"})
    return dict(create_app(nowhere).test_client().get("/openapi.json").get_json())


schema = schemathesis.openapi.from_dict(_document())


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service whose queue and jobs no other test uses."""
    callbacks = {"SLIMGEST_WEBHOOK_SECRET": make_secret(), "SLIMGEST_CALLBACK_NETWORKS": "127.0.0.0/8"}
    with running(tmp_path_factory.mktemp("asked"), workers=1, **callbacks) as started:
        yield started


@pytest.fixture(scope="module")
def known_ids(asked: Stack) -> list[dict[str, str]]:
    """The ids for paths: a job with a failed page and an undelivered callback, and a failed job."""
    first = asked.submit(pdfs.coloured([(0, 1, 0), RAISE, (0, 3, 0)]), callback_url="http://127.0.0.1:9/")
    other = asked.submit(b"%PDF-1.4 nothing more")
    for job_id in (first, other):
        asked.wait_end(job_id)
    (message,) = asked.get(f"/jobs/{first}/deliveries").json()["deliveries"]
    return [{"job_id": first, "delivery_id": message["id"]}, {"job_id": other}]


def _check(case: Case, asked: Stack, known_ids: list[dict[str, str]]) -> None:
    # A request that its schema allows may still contain no PDF, or name a job that does not exist.
    excluded = [positive_data_acceptance]
    if case.meta and case.meta.generation.mode == GenerationMode.POSITIVE:
        _fill_in(case, known_ids)
        excluded.append(negative_data_rejection)  # it counts bytes that were replaced here as a violation
    answer = case.call(base_url=asked.url, timeout=30)
    if answer.status_code != 414:  # from gunicorn for an address of more than 4 KB; the API never sees such a request
        case.validate_response(answer, excluded_checks=excluded)


def _test_of(operation: str) -> Callable[..., None]:
    def test(case: Case, asked: Stack, known_ids: list[dict[str, str]]) -> None:
        _check(case, asked, known_ids)

    how = settings(
        max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    return schema.include(name=operation).parametrize()(how(test))


# One function per operation: with pytest 9.2, the tests that schemathesis makes of one function all have the same name,
# and pytest-xdist would run only one of them.
for _result in schema.get_all_operations():
    _label = _result.ok().label
    _name = re.sub(r"\W+", "_", _label).strip("_")
    globals()[f"test_every_answer_conforms_to_the_openapi_document_{_name}"] = _test_of(_label)


def _fill_in(case: Case, known: list[dict[str, str]]) -> None:
    """Use existing jobs and pages in three of four cases, and real PDFs in every second case."""
    path, body = dict(case.path_parameters), case.body
    if choice := sum(str(path).encode()) % 4:
        values = {**(known[0] if choice > 1 else known[1]), "page_number": 1 + choice % 3}
        case.path_parameters = {name: values.get(name, value) for name, value in path.items()}
    if isinstance(body, dict) and "file" in body and len(str(body)) % 2:
        case.body = {**{name: body[name] for name in body if name not in ("files", "callback_url")}, "file": GOOD}
