"""Views of the OpenAPI document, of Swagger UI, which shows the document, and of the page of all error codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask_swagger_ui
from flask import Blueprint, Response, current_app, json, request, send_from_directory

from api.helpers import components
from api.openapi.describe import ResponseSpec, describe_route, exclude_route
from api.openapi.document import build_document
from api.openapi.error_page import error_page
from slimgest_celery.errors import RouteUnknown
from slimgest_celery.models.responses import ERROR_DOCS

blueprint = Blueprint("docs", __name__)
_STATIC = Path(__file__).parent / "static"
# The HTML in this folder contains an inline script, so only its other files are used.
_SWAGGER = Path(flask_swagger_ui.__file__).parent / "dist"
_ASSETS = {
    "swagger-ui.css": _SWAGGER,
    "swagger-ui-bundle.js": _SWAGGER,
    "favicon-32x32.png": _SWAGGER,
    "docs.js": _STATIC,
    "errors.css": _STATIC,
}
# Swagger UI uses inline styles and `data:` images.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ERROR_PAGE_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@blueprint.get("/openapi.json")
@describe_route(ResponseSpec("An OpenAPI 3.1 document.", media={"application/json": {"openapi": "3.1.1"}}), open=True)
def openapi_document() -> Response:
    """Return this document."""
    document = {**_document(), "servers": [{"url": request.script_root or "/"}]}
    return Response(json.dumps(document), mimetype="application/json")


@blueprint.get("/docs")
@describe_route(ResponseSpec("An HTML page.", media={"text/html": None}), open=True)
def documentation() -> Response:
    """Return this document as an HTML page where requests can be tried."""
    response = send_from_directory(_STATIC, "docs.html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@blueprint.get(ERROR_DOCS)
@describe_route(ResponseSpec("An HTML page with an anchor for each code.", media={"text/html": None}), open=True)
def error_codes() -> Response:
    """Return all error codes as an HTML page.

    The `type` of an error leads to a row of this page.
    """
    return Response(
        error_page(), content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _ERROR_PAGE_POLICY}
    )


@blueprint.get("/docs/<path:name>")
@exclude_route
def asset(name: str) -> Response:
    """Return a file of Swagger UI."""
    if name not in _ASSETS:
        raise RouteUnknown
    return send_from_directory(_ASSETS[name], name)


def _document() -> dict[str, Any]:
    """Return the document, built at the first request."""
    cache = current_app.extensions
    if "openapi" not in cache:
        cache["openapi"] = build_document(current_app, keys=bool(components().settings.api_keys))
    return cache["openapi"]  # type: ignore[no-any-return]
