"""Makes the Flask application."""

from __future__ import annotations

from flask import Flask

from slimgest_celery import logs, tracing
from slimgest_celery.app import app as celery
from slimgest_celery.app import connect, settings
from slimgest_celery.config import Settings
from slimgest_celery.jobs import Jobs

from . import access, deliveries, docs, errors, jobs, monitoring, page, reading, results, service

_FORM_BYTES = 1 << 20  # of a multipart request, beside its files


def create_app(given: Settings | None = None) -> Flask:
    """The API over the service that the settings (by default, the environment's) describe. Opens no connection yet."""
    chosen = given or settings()
    flask = Flask("slimgest", static_folder=None)
    flask.json.sort_keys = False  # type: ignore[attr-defined]
    flask.config["MAX_CONTENT_LENGTH"] = (chosen.max_upload_mb << 20) + _FORM_BYTES
    flask.config["MAX_FORM_MEMORY_SIZE"] = _FORM_BYTES  # files go to disk as they come, fields stay in memory
    flask.config["MAX_FORM_PARTS"] = 1000
    flask.extensions["jobs"] = Jobs(chosen, connect(chosen), celery)
    for module in (service, reading, jobs, results, deliveries, monitoring, docs, page):
        flask.register_blueprint(module.blueprint)
    errors.register(flask)
    access.register(flask, chosen)
    logs.setup(chosen.log_format)
    if tracing.start():
        _trace(flask)
    return flask


def _trace(flask: Flask) -> None:
    from opentelemetry.instrumentation.flask import FlaskInstrumentor  # an extra

    FlaskInstrumentor().instrument_app(flask, excluded_urls="health/,metrics")
