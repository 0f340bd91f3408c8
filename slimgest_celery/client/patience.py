"""When something that failed is tried again, and when it is given up."""

from __future__ import annotations

import random
import time

import httpx

from .errors import ApiError, NotYet, ServiceUnreachable

FAILURES = (httpx.TransportError, ApiError, NotYet)  # what `Patience` judges
_FIRST_S = 0.5
_MOST_S = 15.0
_LEAST_S = 0.1
_SPREAD_S = 1.0
_MISUSE = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)  # will fail for ever
_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Patience:
    """Of one call, or of one stream. What failed is tried again after 0.5, 1, 2 … up to 15 s, or when the service says.

    `retry_for_s` counts from the first failure in a row; `queue_for_s` does where the queue is full, whatever comes in
    between. A call that is not `repeatable` is tried again only if the service did not get it, or says that it may be.
    """

    def __init__(self, url: str, retry_for_s: float, queue_for_s: float, repeatable: bool = True) -> None:
        self._url = url
        self._retry_for_s = retry_for_s
        self._queue_for_s = queue_for_s
        self._repeatable = repeatable
        self.renew()

    def renew(self) -> None:
        """All is well again: the next failure is a first one."""
        self._tries = 0
        self._since_s: dict[str, float] = {}  # by what is the matter

    def wait_s(self, failure: Exception) -> float:
        """Seconds after which to try again; raises what the caller is to hear where that is of no use."""
        if isinstance(failure, NotYet):
            self.renew()
            return failure.wait_s
        told_s = failure.retry_after_s if isinstance(failure, ApiError) else None
        left_s = self._left_s(failure)
        if not self._may_try_again(failure) or left_s <= 0 or (told_s or 0) > left_s:
            if isinstance(failure, ApiError):
                raise failure
            why = str(failure) or type(failure).__name__
            raise ServiceUnreachable(f"No slimgest service answers at {self._url} ({why}).") from failure
        self._tries += 1
        return self._pause_s(told_s, left_s)

    def _may_try_again(self, failure: Exception) -> bool:
        if isinstance(failure, ApiError):
            return failure.passes and (self._repeatable or failure.may_retry)
        return not isinstance(failure, _MISUSE) and (self._repeatable or isinstance(failure, _BEFORE_SENDING))

    def _left_s(self, failure: Exception) -> float:
        now_s = time.monotonic()
        if isinstance(failure, ApiError) and failure.status == 429:
            self._since_s.pop("away", None)  # it is there, and says so
            return self._queue_for_s - (now_s - self._since_s.setdefault("full", now_s))
        return self._retry_for_s - (now_s - self._since_s.setdefault("away", now_s))

    def _pause_s(self, told_s: float | None, left_s: float) -> float:
        """Spread at random, so that many clients that failed together do not come back together."""
        if told_s is not None:
            return told_s + random.uniform(0, _SPREAD_S)  # noqa: S311 - no secret
        longest_s = min(_MOST_S, _FIRST_S * 2 ** min(self._tries - 1, 10))
        return min(random.uniform(longest_s / 2, longest_s), max(left_s, _LEAST_S))  # noqa: S311
