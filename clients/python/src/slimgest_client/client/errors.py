"""The exceptions of the client, and the conversion of responses to exceptions.

All are `SlimgestError`s: `ApiError` if the service refused the request, `ServiceUnreachable` if no service answered,
and `AnswerInvalid` if the answer is not one of slimgest.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from slimgest_client.errors import SlimgestError

_BUSY = (429, 502, 503, 504)  # a proxy sends the last three while the service starts or is overloaded


class ApiError(SlimgestError):
    """The service refused a request.

    `problem_code`, `hint` and `may_retry` are the `code`, `hint` and `retryable` of the service's answer, described in
    docs/errors.md. If a proxy answered, they are empty, empty and False. `status` is the HTTP status. `retry_after_s`
    is the time that the service asked to wait.
    """

    def __init__(self, status: int, body: dict[str, Any], retry_after_s: float | None = None) -> None:
        message = str(body.get("detail") or f"The service answered {status}.")
        super().__init__(message, str(body.get("hint") or ""))
        self.status = status
        self.problem_code = str(body.get("code") or "")
        self.may_retry = bool(body.get("retryable"))
        self.retry_after_s = retry_after_s

    @property
    def is_temporary(self) -> bool:
        """True if the service is busy or away for a while. The state of a job (409) does not count as temporary."""
        return self.status in _BUSY and (self.may_retry or not self.problem_code)


class ServiceUnreachable(SlimgestError):
    """No slimgest service answers at this address."""


class AnswerInvalid(SlimgestError):
    """The server at this address is not slimgest, or is newer than this client supports."""


class NotYet(Exception):
    """The service is still preparing the requested content (202)."""

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.wait_s = wait_s


def check_response(response: httpx.Response) -> httpx.Response:
    """Return a successful response. Raises `ApiError` or `NotYet` for others, whose body must have been read."""
    if response.status_code == 202 and "Retry-After" in response.headers:
        raise NotYet(_retry_after_s(response) or 1.0)
    if not response.is_success:
        raise ApiError(response.status_code, _problem(response), _retry_after_s(response))
    return response


def _problem(response: httpx.Response) -> dict[str, Any]:
    if response.is_redirect:
        location = response.headers["Location"]
        return {"detail": f"This address redirects to {location}.", "hint": "Use that address."}
    try:
        body = response.json()
    except ValueError:  # the HTML page of a proxy
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after_s(response: httpx.Response) -> float | None:
    """Return the header `Retry-After` in seconds; the header holds seconds or a date (RFC 9110, section 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
