"""The document of this API, and Swagger UI to read it and try it out, served from here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask_swagger_ui
from flask import Blueprint, Response, current_app, json, send_from_directory

from slimgest_celery.errors import RouteUnknown

from . import openapi
from .description import Answer, described, undescribed
from .shared import jobs

blueprint = Blueprint("docs", __name__)
_OURS = Path(__file__).parent / "static"
_SWAGGER = Path(flask_swagger_ui.__file__).parent / "dist"  # its page has a script in it: only its files are used
_ASSETS = {
    "swagger-ui.css": _SWAGGER,
    "swagger-ui-bundle.js": _SWAGGER,
    "favicon-32x32.png": _SWAGGER,
    "docs.js": _OURS,
}
# Swagger UI sets styles on elements, and its pictures are data.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@blueprint.get("/openapi.json")
@described(Answer("An OpenAPI 3.1 document.", media={"application/json": {"openapi": "3.1.1"}}), open=True)
def openapi_document() -> Response:
    """This document."""
    return Response(json.dumps(_document()), mimetype="application/json")


@blueprint.get("/docs")
@described(Answer("A page for browsers.", media={"text/html": None}), open=True)
def documentation() -> Response:
    """This document as a page, where requests can be tried out."""
    response = send_from_directory(_OURS, "docs.html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@blueprint.get("/docs/<path:name>")
@undescribed
def asset(name: str) -> Response:
    """A file of that page."""
    if name not in _ASSETS:
        raise RouteUnknown
    return send_from_directory(_ASSETS[name], name)


def _document() -> dict[str, Any]:
    """Made when somebody asks for the first time."""
    made = current_app.extensions
    if "openapi" not in made:
        made["openapi"] = openapi.document(current_app, keys=bool(jobs().settings.api_keys))
    return made["openapi"]  # type: ignore[no-any-return]
