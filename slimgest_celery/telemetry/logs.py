"""The log of the service: one line per event, with its job, page, worker and request."""

from __future__ import annotations

import json
import logging
import signal
from datetime import UTC, datetime
from typing import Literal

# The fields of `extra` that are logged: never a password, a key, a filename or the text of a page.
_FIELDS = ("job_id", "page_number", "worker", "attempt", "request_id", "owner", "status", "source", "code", "seconds")
_OURS = ("slimgest_celery", "workers", "api")


_HOUSEKEEPING = ("slimgest.deliver", "slimgest.reconcile", "slimgest.rescue", "slimgest.sweep")
_CELERY = ("celery.app.trace", "celery.worker.request", "celery.worker.strategy", "multiprocessing")
# A child that ends itself because its job has ended uses this signal; see pipeline/watchdog.py.
CANCELLED = signal.SIGUSR2


def setup(form: Literal["text", "json"], level: str = "INFO") -> None:
    """Write this project's log to standard error. Of the logs of other libraries, only Celery's loses some lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else PlainLines())
    for name in _OURS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
    for name in _CELERY:
        logging.getLogger(name).filters = [_is_worth_a_line]


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Return False for a line of Celery about a cancelled page, and, except at DEBUG, about a periodic task.

    Celery reports each child that ends as an error, with a traceback, and each of these tasks twice.
    """
    if record.levelno >= logging.ERROR and CANCELLED.name in record.getMessage():
        return False
    if isinstance(record.args, dict) and record.args.get("name") in _HOUSEKEEPING and record.levelno == logging.INFO:
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)
    return True


class JsonLines(logging.Formatter):
    """A formatter that writes one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _time(record), "level": record.levelname, "event": record.getMessage(), **_about(record)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class PlainLines(logging.Formatter):
    """A formatter that writes text for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        about = "".join(f" {name}={value}" for name, value in _about(record).items())
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{_time(record)} {record.levelname} {record.getMessage()}{about}{trace}"


def _about(record: logging.LogRecord) -> dict[str, object]:
    found = {name: getattr(record, name, None) for name in _FIELDS}
    return {name: value for name, value in found.items() if value is not None}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
