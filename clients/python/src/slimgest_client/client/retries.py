"""The rules for retries of the client: which failures, after which pause, and for how long."""

from __future__ import annotations

import random
import time

import httpx

from slimgest_client.client.errors import ApiError, NotYet, ServiceUnreachable

FAILURES = (httpx.TransportError, ApiError, NotYet)  # the exceptions that `RetryPolicy` accepts
_FIRST_S = 0.5
_LONGEST_S = 15.0
_SHORTEST_S = 0.1
_JITTER_S = 1.0
_PERMANENT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class RetryPolicy:
    """The retries of one call or one stream: after 0.5, 1, 2 … up to 15 s, or after the time that the service asks for.

    `retry_for_s` counts from the first failure in a row. `queue_for_s` counts from the first answer that the queue is
    full, whatever happens in between. A call that is not `repeatable` is retried only if the service did not receive it
    or marks the error as retryable.
    """

    def __init__(self, url: str, retry_for_s: float, queue_for_s: float, repeatable: bool = True) -> None:
        self._url = url
        self._retry_for_s = retry_for_s
        self._queue_for_s = queue_for_s
        self._repeatable = repeatable
        self.reset()

    def reset(self) -> None:
        """Count the next failure as the first one."""
        self._retries = 0
        self._since_s: dict[str, float] = {}  # by cause: "away" or "full"

    def wait_s(self, failure: Exception) -> float:
        """Return the seconds to wait before the next attempt. Raises the error for the caller if no attempt is left."""
        if isinstance(failure, NotYet):
            self.reset()
            return failure.wait_s
        requested_s = failure.retry_after_s if isinstance(failure, ApiError) else None
        left_s = self._left_s(failure)
        if not self._may_retry(failure) or left_s <= 0 or (requested_s or 0) > left_s:
            if isinstance(failure, ApiError):
                raise failure
            why = str(failure) or type(failure).__name__
            raise ServiceUnreachable(f"No slimgest service answers at {self._url} ({why}).") from failure
        self._retries += 1
        return self._pause_s(requested_s, left_s)

    def _may_retry(self, failure: Exception) -> bool:
        if isinstance(failure, ApiError):
            return failure.is_temporary and (self._repeatable or failure.may_retry)
        return not isinstance(failure, _PERMANENT) and (self._repeatable or isinstance(failure, _BEFORE_SENDING))

    def _left_s(self, failure: Exception) -> float:
        now_s = time.monotonic()
        if isinstance(failure, ApiError) and failure.status == 429:
            self._since_s.pop("away", None)  # the service answers, so it is not away
            return self._queue_for_s - (now_s - self._since_s.setdefault("full", now_s))
        return self._retry_for_s - (now_s - self._since_s.setdefault("away", now_s))

    def _pause_s(self, requested_s: float | None, left_s: float) -> float:
        """Return a random pause, so that many clients that failed together do not retry together."""
        if requested_s is not None:
            return requested_s + random.uniform(0, _JITTER_S)  # noqa: S311 - not a secret
        longest_s = min(_LONGEST_S, _FIRST_S * 2 ** min(self._retries - 1, 10))
        return min(random.uniform(longest_s / 2, longest_s), max(left_s, _SHORTEST_S))  # noqa: S311 - not a secret
