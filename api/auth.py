"""Check every request (host, origin, API key, names of parameters), and give it an id and its response headers."""

from __future__ import annotations

import re
import uuid

from flask import Flask, Response, current_app, g, request

from api import web_page
from api.cross_site import check_host, check_origin
from api.helpers import components
from api.openapi.describe import get_description, is_open
from api.requests import check_parameter_names
from slimgest_celery.api_keys import owner_of
from slimgest_celery.config import Settings
from slimgest_celery.errors import KeyMissing, KeyUnknown

_REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def register(flask: Flask, settings: Settings) -> None:
    """Check every request, and add the common headers to every response.

    The host is always checked; the origin, the API key and the number of requests are, unless the view is open.
    """

    @flask.before_request
    def authenticate() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        g.owner = None
        check_host(request, settings)
        if request.method == "OPTIONS" or _is_open():
            return
        check_origin(request, settings)
        if settings.api_keys:
            g.owner = _authenticated_owner(settings)
        components().request_rate.check(g.owner)

    flask.before_request(_check_parameters)  # after the key: a stranger learns no names

    @flask.after_request
    def add_headers(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.get("request_id", "")
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="slimgest"'
        _allow_origin(response, settings)
        return response


def _check_parameters() -> None:
    """Check the names of the query parameters. Those of the web page and its files mean nothing."""
    if request.endpoint is None or request.method == "OPTIONS" or web_page.is_requested(request):
        return
    if description := get_description(current_app.view_functions[request.endpoint]):
        check_parameter_names(request, description.query, description.form)


def _is_open() -> bool:
    """Return True for a view that needs no API key. A path without a view needs one."""
    if request.endpoint is None:
        return False
    return is_open(current_app.view_functions[request.endpoint]) or web_page.is_requested(request)


def _authenticated_owner(settings: Settings) -> str:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise KeyMissing
    owner = owner_of(key.strip(), settings.api_keys)
    if owner is None:
        raise KeyUnknown
    return owner


def _allow_origin(response: Response, settings: Settings) -> None:
    """Allow cross-origin requests from the origins that the operator has listed. Browsers refuse all others."""
    origin = request.headers.get("Origin")
    if origin in settings.cors_origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
        response.headers["Access-Control-Expose-Headers"] = "Location, Retry-After, X-Request-ID"
        response.vary.add("Origin")
