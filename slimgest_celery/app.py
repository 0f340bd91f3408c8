"""The Celery object, and how it comes to its settings."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

from celery import Celery
from redis import BlockingConnectionPool, Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from .config import Settings, SettingsError
from .jobs import Jobs

_MOST_CONNECTIONS = 200  # of a process; redis-py would refuse the 101st

app = Celery("slimgest")
app.config_from_object("celeryconfig")


@app.add_defaults
def _from_environment() -> dict[str, Any]:
    """What Celery takes from the settings; asked for by Celery when it first needs its configuration."""
    return celery_settings(settings())


@cache
def settings() -> Settings:
    """This process's settings, read once, when an entry point first asks."""
    return Settings.from_env()


@cache
def jobs() -> Jobs:
    """This process's jobs. Not to be called in a process that will fork."""
    return Jobs(settings(), connect(settings()), app)


def connect(settings: Settings) -> Redis:
    """A client of the Redis that carries the work; it connects when first used.

    Who finds all its connections in use waits for one: a thousand requests at once are served in turn.
    """
    pool = BlockingConnectionPool.from_url(
        redis_url(settings),
        max_connections=_MOST_CONNECTIONS,
        timeout=10,
        health_check_interval=25,
        socket_connect_timeout=5,
        socket_timeout=5,  # a cable that was cut says nothing; TCP would try for minutes after it is mended
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), 4),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )
    return Redis.from_pool(pool)


def redis_url(settings: Settings) -> str:
    """The address of Redis; raises `SettingsError` where none is set."""
    if settings.redis_url is None:
        raise SettingsError(
            "SLIMGEST_REDIS_URL is not set, and this command starts no Redis of its own.\n"
            "Set it, such as redis://127.0.0.1:6379/0, or start everything at once with `slimgest up`."
        )
    return settings.redis_url


def celery_settings(settings: Settings) -> dict[str, Any]:
    """The part of Celery's configuration that follows from the settings."""
    url = redis_url(settings)
    tls = {"ssl_cert_reqs": ssl.CERT_REQUIRED} if url.startswith("rediss://") else None
    return {
        "broker_url": url,
        "result_backend": url,
        "broker_use_ssl": tls,
        "redis_backend_use_ssl": tls,
        # Results outlive the jobs they speak for.
        "result_expires": settings.retention_s * 2,
        # An ingest, the longest task that has no limit of its own; spans carry theirs (see tasks.py).
        "task_time_limit": settings.page_timeout_s * 2 + 60,
        "worker_max_memory_per_child": settings.max_worker_mb * 512,  # KiB: at half of the limit, between two tasks
    }
