"""One function per endpoint of the API: each returns the request and the parser of its response.

This module does no input or output: sync.py and aio.py send the requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import ValidationError

from slimgest_celery.client.errors import AnswerInvalid, check_response
from slimgest_celery.client.uploads import Upload
from slimgest_celery.models.job import Document, JobStatus, Options, Status
from slimgest_celery.models.page import Page
from slimgest_celery.models.record import Record
from slimgest_celery.models.responses import Accepted, JobList
from slimgest_celery.models.results import FormatOptions
from slimgest_celery.models.webhooks import Delivery

T = TypeVar("T")
R = TypeVar("R", bound=Record)
D = TypeVar("D", bound=Document)

ResultFormat = Literal["json", "ndjson", "md", "md-plain", "txt", "html", "chunks", "csv", "hocr", "alto", "pdf", "zip"]
ImageFormat = Literal["webp", "png", "jpeg"]


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """The arguments of an httpx request, and the parser of its response."""

    request: dict[str, Any]
    parser: Callable[[httpx.Response], T]
    repeatable: bool = True  # False: the service must not receive the request twice

    def parse(self, response: httpx.Response) -> T:
        """Return the content of a response. Raises `ApiError`, `NotYet` or `AnswerInvalid`."""
        check_response(response)
        try:
            return self.parser(response)
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise AnswerInvalid from error


def submit(
    upload: Upload,
    options: Options | None = None,
    password: str | None = None,
    idempotency_key: str | None = None,
    callback_url: str | None = None,
    callback_format: str | None = None,
) -> Call[Accepted]:
    form = (options or Options()).model_dump(mode="json", exclude_unset=True)
    form |= {"password": password, "callback_url": callback_url, "callback_format": callback_format}
    request = {
        **_request("POST", "/jobs"),
        "data": {name: str(value) for name, value in form.items() if value is not None},
        "files": {"file": upload},
        # The key makes one job of a request that is repeated because its answer was lost.
        "headers": {"Idempotency-Key": idempotency_key or str(uuid4())},
    }
    return Call(request=request, parser=_record(Accepted))


def status(job_id: str) -> Call[Status]:
    return Call(request=_request("GET", _job(job_id)), parser=_record(Status))


def listing(
    *,
    status: JobStatus | Collection[JobStatus] = (),
    filename: str | None = None,
    since: datetime | None = None,
    cursor: str | None = None,
    offset: int = 0,
    limit: int,
) -> Call[JobList]:
    statuses = (status,) if isinstance(status, str) else sorted(status)
    at = since.astimezone(UTC).isoformat() if since else None  # a time without a zone is local time
    filters = {"status": ",".join(statuses), "filename": filename, "since": at, "cursor": cursor, "offset": offset}
    given = {name: value for name, value in filters.items() if value}
    return Call(request=_request("GET", "/jobs", limit=limit, **given), parser=_record(JobList))


def result(job_id: str, kind: type[D]) -> Call[D]:
    return Call(request=result_as(job_id, "json").request, parser=_record(kind))


def result_as(
    job_id: str, form: ResultFormat, password: str | None = None, options: FormatOptions | None = None
) -> Call[bytes]:
    query = {"format": form, **(options.changed() if options else {})}
    if password is None:
        return Call(request=_request("GET", _job(job_id, "result"), **query), parser=_content)
    request = _request("POST", _job(job_id, "result"), **query)
    return Call(request={**request, "data": {"password": password}}, parser=_content)


def page(job_id: str, page_number: int) -> Call[Page]:
    return Call(request=_request("GET", _job(job_id, f"pages/{page_number}")), parser=_record(Page))


def image(job_id: str, page_number: int, dpi: int, form: ImageFormat) -> Call[bytes]:
    path = _job(job_id, f"pages/{page_number}/image")
    return Call(request=_request("GET", path, dpi=dpi, format=form), parser=_content)


def deliveries(job_id: str) -> Call[list[Delivery]]:
    return Call(request=_request("GET", _job(job_id, "deliveries")), parser=_records(Delivery, "deliveries"))


def redeliver(job_id: str, delivery_id: str) -> Call[Delivery]:
    path = _job(job_id, f"deliveries/{quote(delivery_id, safe='')}")
    return Call(request=_request("POST", path), parser=_record(Delivery), repeatable=False)


def cancel(job_id: str) -> Call[Status]:
    return Call(request=_request("DELETE", _job(job_id)), parser=_record(Status))


def delete(job_id: str) -> Call[None]:
    return Call(request=_request("DELETE", _job(job_id), purge="true"), parser=lambda _: None, repeatable=False)


def retry(job_id: str, pages: str | None, password: str | None) -> Call[Status]:
    request = _request("POST", _job(job_id, "retry"), **({"pages": pages} if pages else {}))
    if password:
        request["data"] = {"password": password}
    return Call(request=request, parser=_record(Status), repeatable=False)


def service() -> Call[dict[str, Any]]:
    return Call(request=_request("GET", "/"), parser=_object)


def ready() -> dict[str, Any]:
    return {**_request("GET", "/health/ready"), "timeout": 5}


def events(job_id: str, after: str | None) -> dict[str, Any]:
    return {**_request("GET", _job(job_id, "events")), "headers": {"Last-Event-ID": after} if after else {}}


def _request(method: str, path: str, **params: Any) -> dict[str, Any]:
    return {"method": method, "url": path, "params": params}


def _job(job_id: str, below: str = "") -> str:
    return f"/jobs/{quote(job_id, safe='')}/{below}".rstrip("/")


def _record(kind: type[R]) -> Callable[[httpx.Response], R]:
    # A newer service may send more fields than this client knows.
    return lambda response: kind.model_validate_json(response.content, extra="ignore")


def _records(kind: type[R], member: str) -> Callable[[httpx.Response], list[R]]:
    return lambda response: [kind.model_validate(entry, extra="ignore") for entry in response.json()[member]]


def _object(response: httpx.Response) -> dict[str, Any]:
    found = json.loads(response.content)
    if not isinstance(found, dict):
        raise TypeError
    return found


def _content(response: httpx.Response) -> bytes:
    return response.content
