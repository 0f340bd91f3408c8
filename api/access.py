"""Who asks: API keys, request ids, and the headers that every answer bears."""

from __future__ import annotations

import re
import uuid

from flask import Flask, Response, current_app, g, request

from slimgest_celery.access import owner_of
from slimgest_celery.config import Settings
from slimgest_celery.errors import KeyMissing, KeyUnknown

from . import page
from .description import is_open

_REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def register(flask: Flask, settings: Settings) -> None:
    """Checks every request but those to views that are open, and marks every answer."""

    @flask.before_request
    def identify() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        g.owner = None
        if settings.api_keys and request.method != "OPTIONS" and not _is_open():
            g.owner = _owner(settings)

    @flask.after_request
    def mark(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.get("request_id", "")
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="slimgest"'
        _allow_origin(response, settings)
        return response


def _is_open() -> bool:
    """Whether the view says of itself that it answers everybody; an address without a view does not."""
    if request.endpoint is None:
        return False
    return is_open(current_app.view_functions[request.endpoint]) or page.is_wanted(request)


def _owner(settings: Settings) -> str:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise KeyMissing
    owner = owner_of(key.strip(), settings.api_keys)
    if owner is None:
        raise KeyUnknown
    return owner


def _allow_origin(response: Response, settings: Settings) -> None:
    """Cross-origin requests are a browser's to refuse unless the operator has named their origin."""
    origin = request.headers.get("Origin")
    if origin in settings.cors_origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
        response.headers["Access-Control-Expose-Headers"] = "Location, Retry-After, X-Request-ID"
        response.headers["Vary"] = "Origin"
