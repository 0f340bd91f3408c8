"""Every failure as an RFC 9457 problem document; nothing else of the API makes error answers."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from slimgest_celery.answers import ProblemDocument
from slimgest_celery.errors import (
    BrokerUnavailable,
    MethodNotAllowed,
    QueueFull,
    RequestInvalid,
    RouteUnknown,
    ServiceFailure,
    SlimgestError,
    UploadTooLarge,
)
from slimgest_celery.model import Problem

from . import monitoring

_log = logging.getLogger(__name__)
_BY_STATUS: dict[int, type[SlimgestError]] = {404: RouteUnknown, 405: MethodNotAllowed, 413: UploadTooLarge}


def register(flask: Flask) -> None:
    flask.register_error_handler(Exception, answer)


def answer(error: Exception) -> Response:
    """The one place where an exception becomes HTTP."""
    known = _known(error)
    monitoring.refused(known)
    response = problem(Problem.of(known), known.http_status)
    if isinstance(known, QueueFull):
        response.headers["Retry-After"] = str(known.retry_after_s)
    if isinstance(error, HTTPException) and (allowed := getattr(error, "valid_methods", None)):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def problem(what: Problem, http_status: int) -> Response:
    """A problem document."""
    body = ProblemDocument.of(what, http_status).model_dump_json()
    return Response(body, http_status, mimetype="application/problem+json")


def _known(error: Exception) -> SlimgestError:
    if isinstance(error, SlimgestError):
        if error.http_status >= 500:
            _log.error("%s: %r", error.code, error.__cause__, extra={"request_id": g.get("request_id")})
        return error
    if isinstance(error, RedisError):
        return BrokerUnavailable()
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        return _BY_STATUS.get(error.code, RequestInvalid)() if error.code != 400 else RequestInvalid(error.description)
    _log.exception("%s %s failed", request.method, request.path, extra={"request_id": g.get("request_id")})
    return ServiceFailure()
