"""The Celery object with its settings, and the components of a process."""

from __future__ import annotations

import ssl
from contextlib import suppress
from functools import cache
from typing import Any

from celery import Celery
from celery.result import AsyncResult
from redis import BlockingConnectionPool, Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from slimgest_celery.config import Settings, redis_url
from slimgest_celery.events.event_log import EventLog
from slimgest_celery.jobs.capacity import AdmissionControl
from slimgest_celery.jobs.maintenance import Maintenance
from slimgest_celery.jobs.owner_limits import OwnerPlaces, RequestRate
from slimgest_celery.jobs.page_images import PageImages
from slimgest_celery.jobs.purge import Purger
from slimgest_celery.jobs.result_archive import ResultArchives
from slimgest_celery.jobs.results import Results
from slimgest_celery.jobs.searchable_pdf import SearchablePdfs
from slimgest_celery.jobs.service import JobService
from slimgest_celery.jobs.submission import Submitter
from slimgest_celery.state.font_verdicts import JobFontVerdicts
from slimgest_celery.state.job_index import JobIndex
from slimgest_celery.state.job_state import JobState
from slimgest_celery.state.page_index import PageIndex
from slimgest_celery.state.page_timings import PageTimings
from slimgest_celery.state.queues import QueueLengths
from slimgest_celery.state.worker_registry import WorkerRegistry
from slimgest_celery.storage.job_files import JobFiles
from slimgest_celery.telemetry.metrics import Counts
from slimgest_celery.webhooks.deliveries import DeliveryQueue

_MAX_CONNECTIONS = 200  # per process; redis-py's default would refuse the 101st

app = Celery("slimgest")
app.config_from_object("celeryconfig")


class TaskResult(AsyncResult):  # type: ignore[misc]  # celery.result has no types
    """The result of a task. Its destructor prints no traceback at the shutdown of the API.

    It ends the subscription to the result, which fails in a greenlet that is being ended.
    """

    app = app

    def __del__(self) -> None:
        with suppress(RuntimeError):  # "greenlet is being finalized"
            super().__del__()


app.AsyncResult = TaskResult


@app.add_defaults
def _from_environment() -> dict[str, Any]:
    """Return the settings for Celery, when it first needs its configuration."""
    return celery_settings(settings())


@cache
def settings() -> Settings:
    """Return this process's settings, read once from the environment."""
    return Settings.from_env()


class Components:
    """The parts of the service, built once per process.

    For entry points only: they hand each function the parts that it uses.
    """

    def __init__(self, settings: Settings, redis: Redis, celery: Celery) -> None:
        """Opens no connection: Redis connects when it is first used."""
        self.settings = settings
        self.redis = redis
        self.files = JobFiles(settings.storage_url)
        self.events = EventLog(redis, self.files, settings.retention_s)
        self.job_state = JobState(redis, settings.retention_s)
        self.job_index = JobIndex(redis)
        self.worker_registry = WorkerRegistry(redis)
        self.page_timings = PageTimings(redis)
        self.queue_lengths = QueueLengths(celery, redis)
        self.counts = Counts(redis)
        self.page_index = PageIndex(redis, self.files, settings.retention_s)
        self.page_images = PageImages(redis, self.files, celery)
        self.places = OwnerPlaces.from_settings(settings)
        self.request_rate = RequestRate(redis, settings.owner_requests_per_minute)
        self.deliveries = DeliveryQueue(settings, redis, self.files)
        self.admission = AdmissionControl(
            self.job_state,
            self.worker_registry,
            self.page_timings,
            settings.max_pending_jobs,
            settings.pending_jobs_of_one_owner,
            settings.owner_pending_pages,
        )
        self.jobs = JobService(
            files=self.files,
            job_state=self.job_state,
            job_index=self.job_index,
            events=self.events,
            deliveries=self.deliveries,
            celery=celery,
        )
        self.submitter = Submitter(
            settings=settings,
            files=self.files,
            job_state=self.job_state,
            jobs=self.jobs,
            admission=self.admission,
            worker_registry=self.worker_registry,
        )
        self.searchable_pdfs = SearchablePdfs(
            settings=settings, files=self.files, job_state=self.job_state, celery=celery
        )
        self.results = Results(self.jobs, self.files, self.searchable_pdfs)
        self.result_archives = ResultArchives(self.results)
        self.purger = Purger(
            jobs=self.jobs,
            files=self.files,
            job_state=self.job_state,
            worker_registry=self.worker_registry,
            page_index=self.page_index,
            deliveries=self.deliveries,
            celery=celery,
        )
        self.maintenance = Maintenance(
            jobs=self.jobs,
            files=self.files,
            job_state=self.job_state,
            job_index=self.job_index,
            worker_registry=self.worker_registry,
            queue_lengths=self.queue_lengths,
            celery=celery,
            retention_s=settings.retention_s,
        )

    def font_verdicts(self, job_id: str) -> JobFontVerdicts:
        """Return the verdicts on the fonts of a job's PDF."""
        return JobFontVerdicts(self.redis, job_id, keep_s=2 * self.settings.retention_s)


@cache
def components() -> Components:
    """Return this process's components. Never call it in a process that will fork."""
    return Components(settings(), connect(settings()), app)


def connect(settings: Settings) -> Redis:
    """Return a client of the broker's Redis. It connects when it is first used.

    If all connections are in use, a caller waits for one: a thousand requests at once are served in turn.
    """
    pool = BlockingConnectionPool.from_url(
        redis_url(settings),
        max_connections=_MAX_CONNECTIONS,
        timeout=10,
        health_check_interval=25,
        socket_connect_timeout=5,
        socket_timeout=5,  # after a lost connection, TCP alone would wait for minutes
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), 4),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )
    return Redis.from_pool(pool)


def celery_settings(settings: Settings) -> dict[str, Any]:
    """Return the part of Celery's configuration that depends on the settings."""
    url = redis_url(settings)
    tls = {"ssl_cert_reqs": ssl.CERT_REQUIRED} if url.startswith("rediss://") else None
    return {
        "broker_url": url,
        "result_backend": url,
        "broker_use_ssl": tls,
        "redis_backend_use_ssl": tls,
        # Results are kept longer than their jobs.
        "result_expires": settings.retention_s * 2,
        # For an ingest, the longest task without a limit of its own; page tasks have theirs (tasks.py).
        "task_time_limit": settings.page_timeout_s * 2 + 60,
        # In KiB. Any value makes Celery ask for the size of a child: see workers/child_recycling.py.
        "worker_max_memory_per_child": settings.max_worker_mb * 1024,
    }
