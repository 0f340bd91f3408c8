"""The HTTP API: a thin Flask application over `slimgest_celery.jobs`.

Run it with `gunicorn -k gevent 'api:create_app()'`.
"""

from api.app import create_app

__all__ = ["create_app"]
