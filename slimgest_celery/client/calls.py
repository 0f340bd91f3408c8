"""What a client may ask: each function makes the request for an address of the API and knows how to read its answer.

No input or output here: `sync` and `aio` send the requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import ValidationError

from ..answers import Accepted
from ..model import Delivery, Document, Options, Page, Record, Status
from .errors import AnswerInvalid, checked
from .uploads import Upload

T = TypeVar("T")
R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """A request, as httpx takes it, and how its answer is read."""

    request: dict[str, Any]
    read: Callable[[httpx.Response], T]
    repeatable: bool = True  # whether the service may get it twice

    def answer(self, response: httpx.Response) -> T:
        """What a response says; raises `ApiError`, `NotYet` or `AnswerInvalid`."""
        checked(response)
        try:
            return self.read(response)
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise AnswerInvalid from error


def submit(
    upload: Upload,
    options: Options | None = None,
    password: str | None = None,
    idempotency_key: str | None = None,
    callback_url: str | None = None,
) -> Call[Accepted]:
    form = (options or Options()).model_dump(mode="json", exclude_unset=True)
    form |= {"password": password, "callback_url": callback_url}
    request = {
        **_request("POST", "/jobs"),
        "data": {name: str(value) for name, value in form.items() if value is not None},
        "files": {"file": upload},
        # By a key, a request that is sent again for want of an answer makes one job.
        "headers": {"Idempotency-Key": idempotency_key or str(uuid4())},
    }
    return Call(request=request, read=_record(Accepted))


def status(job_id: str) -> Call[Status]:
    return Call(request=_request("GET", _job(job_id)), read=_record(Status))


def listing(offset: int, limit: int) -> Call[list[Status]]:
    return Call(request=_request("GET", "/jobs", offset=offset, limit=limit), read=_records(Status, "jobs"))


def result(job_id: str) -> Call[Document]:
    return Call(request=result_as(job_id, "json").request, read=_record(Document))


def result_as(job_id: str, form: str, password: str | None = None) -> Call[bytes]:
    if password is None:
        return Call(request=_request("GET", _job(job_id, "result"), format=form), read=_content)
    request = _request("POST", _job(job_id, "result"), format=form)
    return Call(request={**request, "data": {"password": password}}, read=_content)


def page(job_id: str, page_number: int) -> Call[Page]:
    return Call(request=_request("GET", _job(job_id, f"pages/{page_number}")), read=_record(Page))


def image(job_id: str, page_number: int, dpi: int, form: str) -> Call[bytes]:
    path = _job(job_id, f"pages/{page_number}/image")
    return Call(request=_request("GET", path, dpi=dpi, format=form), read=_content)


def deliveries(job_id: str) -> Call[list[Delivery]]:
    return Call(request=_request("GET", _job(job_id, "deliveries")), read=_records(Delivery, "deliveries"))


def redeliver(job_id: str, delivery_id: str) -> Call[Delivery]:
    path = _job(job_id, f"deliveries/{quote(delivery_id, safe='')}")
    return Call(request=_request("POST", path), read=_record(Delivery), repeatable=False)


def cancel(job_id: str) -> Call[Status]:
    return Call(request=_request("DELETE", _job(job_id)), read=_record(Status))


def retry(job_id: str, pages: str | None, password: str | None) -> Call[Status]:
    request = _request("POST", _job(job_id, "retry"), **({"pages": pages} if pages else {}))
    if password:
        request["data"] = {"password": password}
    return Call(request=request, read=_record(Status), repeatable=False)


def service() -> Call[dict[str, Any]]:
    return Call(request=_request("GET", "/"), read=_object)


def ready() -> dict[str, Any]:
    return {**_request("GET", "/health/ready"), "timeout": 5}


def events(job_id: str, after: str | None) -> dict[str, Any]:
    return {**_request("GET", _job(job_id, "events")), "headers": {"Last-Event-ID": after} if after else {}}


def _request(method: str, path: str, **params: Any) -> dict[str, Any]:
    return {"method": method, "url": path, "params": params}


def _job(job_id: str, below: str = "") -> str:
    return f"/jobs/{quote(job_id, safe='')}/{below}".rstrip("/")


def _record(kind: type[R]) -> Callable[[httpx.Response], R]:
    # A newer service may tell more than this client knows of.
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
