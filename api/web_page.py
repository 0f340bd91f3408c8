"""The web page: a fixed list of files from `api/web/`. Their scripts get all data from the API.

The files hold no secrets, and the API key is entered in the web page, so they are served without a key.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from flask import Blueprint, Request, Response, request

from api.openapi.describe import exclude_route
from slimgest_celery.errors import RouteUnknown

blueprint = Blueprint("web_page", __name__)

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_INDEX = "index.html"
_ASSETS = frozenset({
    "announce.js", "api.js", "boxes.js", "copy_text.js", "document_search.js", "documents.css", "documents.js",
    "dom.js", "download.js", "fold_text.js", "icon.svg", "job.js", "key.js", "labels.js", "layout.js", "main.js",
    "messages.js", "page_content.js", "page_image.js", "page_list.js", "page_view.js", "search_bar.js",
    "selection.js", "service.js", "shortcuts.js", "store.js", "stream.js", "style.css", "text_flow.js",
    "text_view.js", "thumbnails.js", "uncertain_lines.js", "upload.js", "viewer.css", "viewer.js", "zoom.js",
})  # fmt: skip
# Scripts and styles come from this service only. Images may also be `blob:` URLs: they are fetched with the API key.
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)


def is_requested(request: Request) -> bool:
    """Return True for a browser's request for `/`: one that prefers HTML to JSON."""
    return request.path == "/" and request.accept_mimetypes["text/html"] > request.accept_mimetypes["application/json"]


def index() -> Response:
    """Return the HTML of the web page."""
    response = _file(_INDEX)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response


@blueprint.get("/web/<name>")
@exclude_route
def asset(name: str) -> Response:
    """Return a script, style sheet or icon of the web page. Raises `RouteUnknown`."""
    if name not in _ASSETS:
        raise RouteUnknown
    return _file(name)


def _file(name: str) -> Response:
    """Return a file that browsers cache but revalidate each time, so that an upgrade replaces all files at once."""
    content, etag = _content(name)
    response = Response(content, content_type=f"{_TYPES[name[name.rindex('.') :]]}; charset=utf-8")
    response.set_etag(etag)
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


@cache
def _content(name: str) -> tuple[bytes, str]:
    """Return the content of a file and its ETag."""
    content = (files("api") / "web" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:32]
