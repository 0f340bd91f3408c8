"""What a client raises, and how an answer of the service becomes it.

All are `SlimgestError`s: `ApiError` where the service refused, `ServiceUnreachable` where nobody answered, and
`AnswerInvalid` where somebody else did.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ..errors import SlimgestError

_BUSY = (429, 502, 503, 504)  # what a proxy answers in place of a service that is starting or overloaded


class ApiError(SlimgestError):
    """The service refused a request.

    `problem_code` and `may_retry` are its own words (see the README's table of errors; empty and False where a proxy
    answered), `status` is the HTTP status, `retry_after_s` what it asked to wait.
    """

    def __init__(self, status: int, body: dict[str, Any], retry_after_s: float | None = None) -> None:
        super().__init__(str(body.get("detail") or f"The service answered {status}."))
        self.status = status
        self.problem_code = str(body.get("code") or "")
        self.may_retry = bool(body.get("retryable"))
        self.retry_after_s = retry_after_s

    @property
    def passes(self) -> bool:
        """Whether the service cannot answer now, but soon: the state of a job does not pass by asking again."""
        return self.status in _BUSY and (self.may_retry or not self.problem_code)


class ServiceUnreachable(SlimgestError):
    """No slimgest service answers at this address."""


class AnswerInvalid(SlimgestError):
    """What answers at this address is no slimgest service, or one that this client is too old for."""


class NotYet(Exception):
    """The service is making what was asked for (202)."""

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.wait_s = wait_s


def checked(response: httpx.Response) -> httpx.Response:
    """A response that brings what was asked for; raises `ApiError` or `NotYet`. The body of others must be read."""
    if response.status_code == 202 and "Retry-After" in response.headers:
        raise NotYet(_retry_after_s(response) or 1.0)
    if not response.is_success:
        raise ApiError(response.status_code, _problem(response), _retry_after_s(response))
    return response


def _problem(response: httpx.Response) -> dict[str, Any]:
    if response.is_redirect:
        return {"detail": f"This address leads on to {response.headers['Location']}: name that one."}
    try:
        body = response.json()
    except ValueError:  # a proxy's page
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after_s(response: httpx.Response) -> float | None:
    """The header `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3)."""
    told = response.headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
