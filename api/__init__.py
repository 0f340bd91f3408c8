"""The HTTP API: a thin Flask application over `slimgest_celery.jobs`. `gunicorn -k gevent 'api:create_app()'`."""

from .factory import create_app

__all__ = ["create_app"]
