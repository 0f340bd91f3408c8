"""The web page: a fixed list of files from `api/web/`, which ask the API for all that they show.

They hold nothing secret, and the key is entered there, so they are served to anyone.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from flask import Blueprint, Request, Response, request

from slimgest_celery.errors import RouteUnknown

from .description import undescribed

blueprint = Blueprint("page", __name__)

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_SHELL = "index.html"
_ASSETS = frozenset({
    "style.css", "icon.svg", "announce.js", "api.js", "documents.js", "dom.js", "download.js", "job.js", "key.js",
    "lines.js", "main.js", "page.js", "pagelist.js", "service.js", "store.js", "stream.js", "upload.js", "viewer.js",
    "words.js",
})  # fmt: skip
# Scripts and styles from here only; pictures also from memory, where they are put after being fetched with a key.
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


def is_wanted(by: Request) -> bool:
    """Whether a request is a browser's for `/`: one that would rather have HTML than JSON."""
    return by.path == "/" and by.accept_mimetypes["text/html"] > by.accept_mimetypes["application/json"]


def shell() -> Response:
    """The page itself."""
    response = _file(_SHELL)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response


@blueprint.get("/web/<name>")
@undescribed
def asset(name: str) -> Response:
    """A part of the page; raises `RouteUnknown`."""
    if name not in _ASSETS:
        raise RouteUnknown
    return _file(name)


def _file(name: str) -> Response:
    """A file that browsers keep and ask for again each time: after an upgrade all of its parts are new at once."""
    content, etag = _content(name)
    response = Response(content, content_type=f"{_TYPES[name[name.rindex('.') :]]}; charset=utf-8")
    response.set_etag(etag)
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


@cache
def _content(name: str) -> tuple[bytes, str]:
    """A file of the package, and a hash of it."""
    content = (files("api") / "web" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:32]
