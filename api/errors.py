"""Errors as RFC 9457 problem documents. All error responses of the API are made here."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException, RequestedRangeNotSatisfiable

from api.helpers import encode
from api.views import monitoring
from slimgest_celery.errors import (
    BrokerUnavailable,
    MethodNotAllowed,
    RangeInvalid,
    RequestInvalid,
    RetryLater,
    RouteUnknown,
    ServiceFailure,
    SlimgestError,
    StorageUnavailable,
    UploadTooLarge,
)
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.responses import ProblemDocument
from slimgest_celery.process_limits import is_out_of_space
from slimgest_celery.storage.base import TEMPORARY_FULL

_log = logging.getLogger(__name__)
_BY_STATUS: dict[int, type[SlimgestError]] = {
    404: RouteUnknown,
    405: MethodNotAllowed,
    413: UploadTooLarge,
    416: RangeInvalid,
}


def register(flask: Flask) -> None:
    """Handle every exception of the application's views."""
    flask.register_error_handler(Exception, to_response)


def to_response(error: Exception) -> Response:
    """Convert an exception to an HTTP response."""
    known = _classify(error)
    monitoring.count_refusal(known)
    response = problem_response(Problem.from_error(known), known.http_status)
    if isinstance(known, RetryLater):
        response.headers["Retry-After"] = str(known.retry_after_s)
    if isinstance(error, RequestedRangeNotSatisfiable):
        response.headers["Content-Range"] = f"bytes */{error.length}"
    if isinstance(error, HTTPException) and (allowed := getattr(error, "valid_methods", None)):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def problem_response(error: Problem, http_status: int) -> Response:
    """Return a problem document as a response."""
    body = ProblemDocument.from_problem(error, http_status)
    return Response(encode(body), http_status, mimetype="application/problem+json")


def _classify(error: Exception) -> SlimgestError:
    if isinstance(error, SlimgestError):
        if error.http_status >= 500:
            _log.error("%s: %r", error.code, error.__cause__, extra={"request_id": g.get("request_id")})
        return error
    if isinstance(error, RedisError):
        return BrokerUnavailable()
    if is_out_of_space(error):  # while an upload is received; the storage raises its own error
        _log.error("the temporary folder is full", extra={"request_id": g.get("request_id")})
        return StorageUnavailable(TEMPORARY_FULL)
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        return _BY_STATUS.get(error.code, RequestInvalid)() if error.code != 400 else RequestInvalid(error.description)
    _log.exception("%s %s failed", request.method, request.path, extra={"request_id": g.get("request_id")})
    return ServiceFailure()
