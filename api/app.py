"""The application factory: builds the Flask application."""

from __future__ import annotations

from flask import Flask

from api import auth, errors, web_page
from api.cross_site import TrustedProxies
from api.http_server import BodyTimeout, answer_with_problems
from api.openapi import views
from api.upload_size import limit_upload_size
from api.views import jobs, monitoring, results, service, submit, webhooks
from slimgest_celery.app import Components, connect, settings
from slimgest_celery.app import app as celery
from slimgest_celery.config import Settings
from slimgest_celery.telemetry import logs, tracing


def create_app(given: Settings | None = None) -> Flask:
    """Build the API for these settings, by default those of the environment. Open no connection yet."""
    chosen = given or settings()
    flask = Flask("slimgest", static_folder=None)
    flask.json.sort_keys = False  # type: ignore[attr-defined]
    limit_upload_size(flask, chosen.max_upload_mb)
    flask.extensions["components"] = Components(chosen, connect(chosen), celery)
    for module in (service, submit, jobs, results, webhooks, monitoring, views, web_page):
        flask.register_blueprint(module.blueprint)
    errors.register(flask)
    auth.register(flask, chosen)
    proxied = TrustedProxies(flask, chosen.trusted_proxies)
    flask.wsgi_app = BodyTimeout(proxied, chosen.body_timeout_s)  # type: ignore[method-assign]
    answer_with_problems()
    logs.setup(chosen.log_format, chosen.log_level)
    if tracing.start():
        _instrument(flask)
    return flask


def _instrument(flask: Flask) -> None:
    from opentelemetry.instrumentation.flask import FlaskInstrumentor  # an optional dependency

    FlaskInstrumentor().instrument_app(flask, excluded_urls="health/,metrics")
