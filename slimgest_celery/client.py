"""A Python client of slimgest's API.

with Client("http://127.0.0.1:8000") as client:
    document = client.process(Path("scan.pdf"))
    print(document.pages[0].text)

    for event in client.stream(client.submit(Path("book.pdf")).job_id):
        print(event.type, event.data.get("page_number"))
"""

from __future__ import annotations

import builtins
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from .errors import SlimgestError
from .events import Event
from .model import Delivery, Document, Options, Page, Status

_CONNECT_S = 10
_RECONNECT_S = 1.0
_SILENCE_S = 45.0  # three heartbeats: the server is gone
_PATIENCE_S = 60.0  # how long a stream is looked for again
_PARTS = 600  # seconds that sending or receiving a part of a body may take


class ApiError(SlimgestError):
    """The service refused a request. `code` and `retryable` are the service's own words."""

    def __init__(self, http_status: int, body: dict[str, Any], retry_after_s: int | None = None) -> None:
        super().__init__(str(body.get("detail") or f"The service answered {http_status}."))
        self.status = http_status
        self.problem_code = str(body.get("code") or "")
        self.may_retry = bool(body.get("retryable"))
        self.retry_after_s = retry_after_s


class ServiceUnreachable(SlimgestError):
    """No slimgest service answers at this address."""


class Client:
    """Talks to one service. Safe to use from several threads; to be closed, or used as a context."""

    def __init__(self, url: str = "http://127.0.0.1:8000", api_key: str | None = None) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=httpx.Timeout(_PARTS, connect=_CONNECT_S))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def submit(
        self,
        pdf: Path,
        options: Options | None = None,
        password: str | None = None,
        idempotency_key: str | None = None,
        callback_url: str | None = None,
    ) -> Status:
        """Queues a PDF; raises `ApiError` (429 with `retry_after_s` when the queue is full).

        With a key of your choice, the same submission sent twice (for want of an answer) makes one job. The end of the
        job is told to `callback_url`.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        form = {
            name: str(value)
            for name, value in (options or Options()).model_dump(mode="json", exclude_none=True).items()
        }
        if password is not None:
            form["password"] = password
        if callback_url is not None:
            form["callback_url"] = callback_url
        with pdf.open("rb") as content:
            upload = {"file": (pdf.name, content, "application/pdf")}
            sent = self._request("POST", "/jobs", data=form, files=upload, headers=headers)
        return self.status(sent.json()["job_id"])

    def process(self, pdf: Path, options: Options | None = None, password: str | None = None) -> Document:
        """Reads a PDF and returns its document, however long that takes; look at its `status`."""
        job_id = self.submit(pdf, options, password).job_id
        for _ in self.stream(job_id):
            pass
        return self.result(job_id)

    def status(self, job_id: str) -> Status:
        """Where a job stands."""
        return Status.model_validate_json(self._request("GET", f"/jobs/{job_id}").content)

    def list(self, offset: int = 0, limit: int = 50) -> list[Status]:
        """Kept jobs, newest first."""
        answer = self._request("GET", "/jobs", params={"offset": offset, "limit": limit}).json()
        return [Status.model_validate(entry) for entry in answer["jobs"]]

    def result(self, job_id: str) -> Document:
        """An ended job's document."""
        return Document.model_validate_json(self.result_as(job_id, "json"))

    def result_as(self, job_id: str, format: str, password: str | None = None) -> bytes:
        """An ended job's document in a format of the service, such as `md`, `alto` or `pdf`; waits until it is made.

        An encrypted PDF needs its password again to be made searchable.
        """
        method, how = ("GET", {}) if password is None else ("POST", {"data": {"password": password}})
        while True:
            answer = self._request(method, f"/jobs/{job_id}/result", params={"format": format}, **how)
            if answer.status_code != 202:
                return answer.content
            time.sleep(float(answer.headers.get("Retry-After", 1)))

    def page(self, job_id: str, page_number: int) -> Page:
        """One page, as soon as it is read."""
        return Page.model_validate_json(self._request("GET", f"/jobs/{job_id}/pages/{page_number}").content)

    def deliveries(self, job_id: str) -> builtins.list[Delivery]:
        """What was sent to a job's callback, attempt by attempt."""
        answer = self._request("GET", f"/jobs/{job_id}/deliveries").json()
        return [Delivery.model_validate(entry) for entry in answer["deliveries"]]

    def redeliver(self, job_id: str, delivery_id: str) -> Delivery:
        """Has a message sent to a job's callback again."""
        answer = self._request("POST", f"/jobs/{job_id}/deliveries/{delivery_id}")
        return Delivery.model_validate_json(answer.content)

    def cancel(self, job_id: str) -> Status:
        """Cancels a job; what was read until then stays readable."""
        return Status.model_validate_json(self._request("DELETE", f"/jobs/{job_id}").content)

    def retry(self, job_id: str, pages: str | None = None, password: str | None = None) -> Status:
        """Reads an ended job's failed pages again, or those that `pages` names."""
        how = {"params": {"pages": pages} if pages else {}, "data": {"password": password} if password else {}}
        return Status.model_validate_json(self._request("POST", f"/jobs/{job_id}/retry", **how).content)

    def service(self) -> dict[str, Any]:
        """What `GET /` says of workers and queue."""
        answer: dict[str, Any] = self._request("GET", "/").json()
        return answer

    def ready(self) -> bool:
        """Whether the service is there and can read pages now."""
        try:
            return self._http.get("/health/ready", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def stream(self, job_id: str, after: str | None = None) -> Iterator[Event]:
        """A job's events to its end, each once; a lost connection is taken up where it broke, for up to a minute."""
        lost_s: float | None = None
        while True:
            try:
                for event in self._events(job_id, after):
                    lost_s, after = None, event.id
                    yield event
                    if event.last:
                        return
            except httpx.TransportError as error:
                if lost_s is not None and time.monotonic() - lost_s > _PATIENCE_S:
                    raise ServiceUnreachable(f"{self.url} was lost while job {job_id} was running.") from error
            lost_s = lost_s or time.monotonic()
            time.sleep(_RECONNECT_S)

    def _events(self, job_id: str, after: str | None) -> Iterator[Event]:
        with ExitStack() as stack:
            response = stack.enter_context(
                self._http.stream(
                    "GET",
                    f"/jobs/{job_id}/events",
                    headers={"Last-Event-ID": after} if after else {},
                    timeout=httpx.Timeout(_SILENCE_S, connect=_CONNECT_S),
                )
            )
            if response.status_code >= 400:
                response.read()
                raise _api_error(response)
            yield from parse(response.iter_lines())

    def _request(self, method: str, path: str, **how: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **how)
        except httpx.TransportError as error:
            raise ServiceUnreachable(f"No slimgest service answers at {self.url} ({error}).") from error
        if response.status_code >= 400:
            raise _api_error(response)
        return response


def parse(lines: Iterator[str]) -> Iterator[Event]:
    """Server-sent events from lines, after the HTML standard's section 9.2.6; those without an id are passed over."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
            continue
        if "data" in fields and "id" in fields:
            yield Event(id=fields["id"], type=fields.get("event", "message"), data=json.loads(fields["data"]))
        fields = {}


def _api_error(response: httpx.Response) -> ApiError:
    try:
        body = response.json()
    except ValueError:
        body = {}
    wait = response.headers.get("Retry-After", "")
    return ApiError(response.status_code, body if isinstance(body, dict) else {}, int(wait) if wait.isdigit() else None)
