"""The signal handlers of a Celery worker: its parent starts a heartbeat, its child loads an engine and registers.

Celery imports this module because of `imports` in celeryconfig.py. So a plain `celery -A slimgest_celery worker` works
like a worker that the supervisor started. A worker that consumes only the queue `exports` loads no engine.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from celery.signals import celeryd_after_setup, celeryd_init, task_postrun, worker_process_init, worker_shutdown
from redis.exceptions import RedisError

from slimgest_celery import tasks
from slimgest_celery.app import app, components, settings
from slimgest_celery.engines.protocol import GpuEngine, OcrEngine
from slimgest_celery.engines.registry import choose_engine
from slimgest_celery.errors import EngineUnavailable, StorageUnavailable
from slimgest_celery.models.service import Worker
from slimgest_celery.process_limits import end_with_parent, is_out_of_space, resident_bytes
from slimgest_celery.sandbox.launcher import LAUNCHER
from slimgest_celery.sandbox.policy import worker_sandbox
from slimgest_celery.storage.base import TEMPORARY_FULL
from slimgest_celery.telemetry import logs, tracing
from workers import child_recycling
from workers.devices import device_of
from workers.heartbeat import Heartbeat
from workers.redelivery import unacked_keys
from workers.warm_up_page import built_in_page

_log = logging.getLogger(__name__)
_node = ""  # this worker's Celery node name; the child inherits it by fork


# --- The parent -------------------------------------------------------------------------------------------------------


@celeryd_init.connect
def start_parent(sender: str, conf: Any, **_: Any) -> None:
    """Set up logs, and keep this worker's unacknowledged messages under its own name."""
    global _node
    _node = sender
    logs.setup(settings().log_format, settings().log_level)
    conf.broker_transport_options = {**conf.broker_transport_options, **unacked_keys(sender)}


@celeryd_after_setup.connect  # the option -Q is applied
def start_heartbeat(sender: str, **_: Any) -> None:
    """Start the heartbeat of a worker that reads pages. Others are not registered: they add nothing to the speed."""
    if _only_exports():
        return
    heartbeat = Heartbeat(sender)
    worker_shutdown.connect(heartbeat.stop, weak=False)
    heartbeat.start()


def _only_exports() -> bool:
    """Return True if this worker only draws images of pages and makes searchable PDFs."""
    return set(app.amqp.queues.consume_from) == {"exports"}


# --- The child --------------------------------------------------------------------------------------------------------


@worker_process_init.connect
def start_child(**_: Any) -> None:
    """Load and warm up the engine, then register the worker as `idle`: only then is the service ready."""
    end_with_parent(signal.SIGKILL)  # the page is read again on another worker
    if _only_exports():
        _start_export_child()
        return
    # Celery subscribes to the results of every chord that is sent and keeps them until they arrive. Those of pages
    # never arrive, and no code here waits for them: a child would keep some KB and a subscription per task sent.
    app.backend.add_pending_result = lambda result, **_: result
    worker = Worker(name=_node, device=device_of(_node), engine=settings().engine, state="starting")
    try:
        choice = choose_engine(settings())
        worker = worker.model_copy(update={"engine": choice.name, "detail": choice.reason})
        sandbox = worker_sandbox(settings(), choice.name)
        if not sandbox.off:
            LAUNCHER.start()  # not in the sandbox: it starts programs for this child
        sandbox.limit_access()  # before the libraries of the engine start threads
        worker = worker.model_copy(update={"storage": _storage_id()})
        components().worker_registry.register(worker)
        started_s = time.perf_counter()
        engine = tasks.engine()
        languages: tuple[str, ...] = ()
        if settings().warm_up:
            engine.warm_up(built_in_page())
            languages = tasks.engine_languages()
        tasks.render_pool()
        _check_memory_limit()
        sandbox.forbid_programs()
    except Exception as error:  # Celery would log this and continue without an engine
        _end_worker(worker, error)
    tasks.watchdog()
    version = f"{engine.name} {engine.version}"
    ready = {"state": "idle", "engine": version, "memory_mb": resident_bytes() >> 20, **_connect_gpu_hooks(engine)}
    ready["languages"] = languages
    components().worker_registry.register(worker.model_copy(update=ready))
    took_s = time.perf_counter() - started_s
    tracing.start(worker=_node, engine=version)
    _log.warning("%s is ready: %s in %.1f s (%s; %s)", _node, version, took_s, choice.reason, sandbox.describe())
    gc.collect()
    gc.freeze()  # these objects live as long as the child: later collections skip them
    task_postrun.connect(_collect_garbage_after_ingest, weak=False)


def _start_export_child() -> None:
    """Prepare a child without an engine, in the same sandbox and with the same limits."""
    try:
        sandbox = worker_sandbox(settings(), engine="")
        if not sandbox.off:
            LAUNCHER.start()
        sandbox.enter()
    except Exception as error:
        _end_worker(Worker(name=_node, device=device_of(_node), engine="", state="starting"), error)
    tasks.watchdog()
    child_recycling.recycle_between_tasks(settings().max_worker_mb, resident_bytes)
    tracing.start(worker=_node, engine="")
    _log.warning("%s is ready: images of pages and searchable PDFs (%s)", _node, sandbox.describe())
    gc.collect()
    gc.freeze()


def _collect_garbage_after_ingest(task: Any, **_: Any) -> None:
    """Free the memory of an ingest at once.

    Celery ends an ingest with an exception when the chord replaces it. The exception and all its frames form a
    reference cycle: a hundred jobs in a row grew a child by 80 MB before Python collected them by itself.
    """
    if task.name == "slimgest.ingest":
        gc.collect()


def _storage_id() -> str | None:
    try:
        return components().files.storage_id()
    except StorageUnavailable:  # an empty field: the storage may be available again when the first page arrives
        return None


def _check_memory_limit() -> None:
    """Raise `EngineUnavailable` if the loaded model leaves no room for pages."""
    if sentence := child_recycling.too_small(settings().max_worker_mb, resident_bytes() >> 20):
        raise EngineUnavailable(sentence)


def _connect_gpu_hooks(engine: OcrEngine) -> dict[str, object]:
    """Recycle this child if it grows or its GPU engine leaks, and report the engine's memory after each task.

    Return the fields of the device for the worker's registration; none for an engine on the CPU.
    """
    limit_mb = settings().max_worker_mb
    if not isinstance(engine, GpuEngine):
        child_recycling.recycle_between_tasks(limit_mb, resident_bytes)
        return {}
    child_recycling.recycle_between_tasks(limit_mb, resident_bytes, engine.restart_reason)
    report: Callable[..., None] = partial(_report_device_memory, engine)
    task_postrun.connect(report, weak=False)
    return {"device": f"{device_of(_node)}: {engine.device}", "device_memory_mb": engine.memory_mb()}


def _report_device_memory(engine: GpuEngine, **_: Any) -> None:
    try:
        components().worker_registry.set_device_memory(_node, engine.memory_mb())
    except RedisError as error:  # the next task reports it; the pages of this one are stored
        _log.warning("device memory not reported: %s", type(error).__name__)


def _end_worker(worker: Worker, error: Exception) -> None:
    """End the whole worker: a child without an engine is useless, and Celery would start the next one at once."""
    if is_out_of_space(error):
        reason = TEMPORARY_FULL
    else:
        reason = error.message if isinstance(error, EngineUnavailable) else f"{type(error).__name__}: {error}"
    _log.critical("%s cannot start: %s", _node, reason)
    with suppress(RedisError):
        components().worker_registry.register(worker.model_copy(update={"state": "failed", "detail": reason}))
    os.kill(os.getppid(), signal.SIGTERM)
    sys.stderr.flush()
    os._exit(1)
