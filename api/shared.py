"""What the views of all modules share."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import cast

from flask import Response, current_app, g
from pydantic import BaseModel

from slimgest_celery.jobs import Jobs


def jobs() -> Jobs:
    """The jobs of this service."""
    return cast(Jobs, current_app.extensions["jobs"])


def mine(job_id: uuid.UUID) -> str:
    """The id of a job that the one who asks may see; for another's, `JobUnknown`."""
    return jobs().owned(str(job_id), g.owner).job_id


def as_json(body: BaseModel, http_status: int = 200) -> Response:
    """A record as an answer."""
    return Response(body.model_dump_json(), http_status, mimetype="application/json")


def in_turns(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A large answer, between whose pieces gevent may serve others: reading files never waits, so it would not."""
    for chunk in chunks:
        yield chunk
        time.sleep(0)
