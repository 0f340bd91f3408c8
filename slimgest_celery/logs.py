"""The service's own log: a line an event, with the job, page, worker and request it is about."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal

# What of a log call's `extra` is written. Never a password, a key, a file's name or a page's text.
_FIELDS = ("job_id", "page_number", "worker", "attempt", "request_id", "owner", "status", "source", "code", "seconds")
_OURS = ("slimgest_celery", "workers", "api")


def setup(form: Literal["text", "json"]) -> None:
    """Writes this project's log to standard error; other libraries' logs stay as they are."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else PlainLines())
    for name in _OURS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _time(record), "level": record.levelname, "event": record.getMessage(), **_about(record)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class PlainLines(logging.Formatter):
    """Words for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        about = "".join(f" {name}={value}" for name, value in _about(record).items())
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{_time(record)} {record.levelname} {record.getMessage()}{about}{trace}"


def _about(record: logging.LogRecord) -> dict[str, object]:
    found = {name: getattr(record, name, None) for name in _FIELDS}
    return {name: value for name, value in found.items() if value is not None}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
