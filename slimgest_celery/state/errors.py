"""The errors of Redis and Celery as this service's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from celery.exceptions import OperationalError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from slimgest_celery.errors import BrokerUnavailable


@contextmanager
def broker_errors() -> Iterator[None]:
    """Translate what Redis and Celery raise when the broker cannot be reached to `BrokerUnavailable`."""
    try:
        yield
    except (RedisError, OperationalError, BrokerError) as error:
        raise BrokerUnavailable from error
