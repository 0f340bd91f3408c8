"""Responses with a finished document: conditional, in parts (`Range`), or compressed, as the client asks."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator

from flask import Request, Response

from api.content_disposition import content_disposition
from slimgest_celery.jobs.results import Result

_GZIP_LEVEL = 1  # a quarter of the time of the usual level 6, and two thirds of its effect
_COMPRESSED = ("application/pdf", "application/zip")


def document_response(found: Result, request: Request) -> Response:
    """Return a document, or the part that the client has not yet received, or 304 if its copy is up to date."""
    in_parts = _has_one_range(request)
    gzip = not in_parts and found.media_type not in _COMPRESSED and request.accept_encodings["gzip"] > 0
    document = _Document(found)
    response = Response(_gzipped(document) if gzip else document, content_type=found.media_type)
    response.automatically_set_content_length = False  # otherwise werkzeug reads the whole document into memory
    response.headers["Content-Disposition"] = content_disposition(found.stem, found.suffix)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-cache"  # a retry makes another document at the same address
    response.vary.update(("Authorization", "Accept-Encoding"))
    response.set_etag(f"{found.version}-gzip" if gzip else found.version)
    response.last_modified = found.modified
    if gzip:
        response.headers["Content-Encoding"] = "gzip"
    elif found.size is not None:
        response.content_length = found.size
    if request.method == "POST":  # with a password: not for a cache
        return response
    size = found.measured_size() if in_parts else None  # None: ignore the header `Range`
    response.make_conditional(request, accept_ranges=True, complete_length=size)
    return response


def _has_one_range(request: Request) -> bool:
    """Return True if the client asks for one part. A document is sent whole if it asks for several."""
    return request.range is not None and request.range.units == "bytes" and len(request.range.ranges) == 1


def _gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    gzip = zlib.compressobj(_GZIP_LEVEL, wbits=16 + zlib.MAX_WBITS)
    for chunk in chunks:
        if compressed := gzip.compress(chunk):
            yield compressed
    yield gzip.flush()


class _Document(Iterator[bytes]):
    """The bytes of a document, in chunks that are not empty. werkzeug calls `seek` before it reads a part."""

    def __init__(self, found: Result) -> None:
        self._found = found
        self._start = 0
        self._chunks: Iterator[bytes] | None = None

    def __next__(self) -> bytes:
        if self._chunks is None:
            self._chunks = self._found.chunks(self._start)
        for chunk in self._chunks:
            time.sleep(0)  # lets gevent serve other requests: reading files never switches greenlets
            if chunk:
                return chunk
        raise StopIteration

    def seekable(self) -> bool:
        return True

    def seek(self, start: int) -> None:
        self._start = start

    def tell(self) -> int:
        return self._start
