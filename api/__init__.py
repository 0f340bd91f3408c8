"""The HTTP API: a thin Flask application over `slimgest_celery.jobs`.

Run it with `gunicorn -k gevent 'api:create_app()'`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    """Import the application at its first use: `python -m api` starts gunicorn, whose workers import it."""
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("api.app").create_app
