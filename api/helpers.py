"""Helpers that several view modules use."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import cast

from flask import Response, current_app, g, request
from pydantic import BaseModel

from slimgest_celery.app import Components


def components() -> Components:
    """Return the components of this application. Views hand each function the components that it uses."""
    return cast(Components, current_app.extensions["components"])


def owned_job_id(job_id: uuid.UUID) -> str:
    """Return the id of a job that the client may see. Raises `JobUnknown` for the job of another owner."""
    return components().jobs.owned_job(str(job_id), g.owner).job_id


def as_json(body: BaseModel, http_status: int = 200) -> Response:
    """Return a record as a JSON response."""
    return Response(encode(body), http_status, mimetype="application/json")


def encode(body: BaseModel) -> str:
    """Return a record as JSON. Its paths begin with the prefix under which a proxy serves the service."""
    return body.model_dump_json(context={"root": request.script_root})


def yield_to_gevent(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks of a large response, and let gevent serve other requests between two chunks.

    Reading files never switches greenlets, so one large response would otherwise block all others.
    """
    for chunk in chunks:
        if chunk:  # an empty one is only an opportunity for others
            yield chunk
        time.sleep(0)
