"""The life of one Celery worker: it owns the messages it holds, loads its engine in the child, and signs on.

Celery imports this module by `imports` in celeryconfig.py, so that a plain `celery -A slimgest_celery worker` is
the same worker as one that the supervisor started.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from celery import Celery, bootsteps
from celery.signals import celeryd_init, task_postrun, worker_process_init, worker_shutdown
from celery.worker import state
from PIL import Image, ImageDraw, ImageFont
from redis.exceptions import RedisError

from slimgest_celery import engines, logs, tasks, tracing
from slimgest_celery.app import app, connect, jobs, settings
from slimgest_celery.errors import EngineUnavailable
from slimgest_celery.guard import resident_bytes
from slimgest_celery.jobs import Jobs
from slimgest_celery.model import Worker
from slimgest_celery.parent import end_with_parent
from slimgest_celery.roster import BEAT_S
from slimgest_celery.sweeping import any_waiting

from . import recycle
from .devices import device_of

DEAF_S = 30.0
_LOOK_S = 0.5
_log = logging.getLogger(__name__)
_node = ""  # this worker's Celery node name, known to the child by fork


# --- The parent -------------------------------------------------------------------------------------------------------


@celeryd_init.connect
def sign_on(sender: str, conf: Any, **_: Any) -> None:
    """Keeps the messages this worker holds under its own name, and gives signs of life.

    Kombu keeps all unacknowledged messages of all workers in one hash and returns them after the visibility timeout,
    for it cannot know whose are whose. With a hash per worker, a dead one's are returned when its death is noticed:
    by its successor when that connects (`PutBack`), or by `slimgest.rescue` when its lease has run out.
    """
    global _node
    _node = sender
    logs.setup(settings().log_format)
    conf.broker_transport_options = {**conf.broker_transport_options, **_unacked_keys(sender)}
    lease = Lease(sender)
    worker_shutdown.connect(lease.end, weak=False)
    lease.start()


class PutBack(bootsteps.StartStopStep):  # type: ignore[misc]
    """Whenever a worker connects: what it held before, or a dead predecessor of its name, goes back to the queues.

    A message whose connection broke can never be acknowledged; if its page is still in hand, reading it twice does
    no harm, for the second reader finds it stored.
    """

    requires = ("celery.worker.consumer.connection:Connection",)

    def start(self, parent: Any) -> None:
        put_back(app, _node)


app.steps["consumer"].add(PutBack)


def put_back(celery: Celery, node: str) -> None:
    """Returns all messages that a dead worker held to their queues. Safe to run twice, and at the same time."""
    # Times in there are those of the dead worker's clock, which may be ahead of ours.
    everything = {**_unacked_keys(node), "visibility_timeout": -(10**9)}
    with celery.connection_for_write(transport_options=everything) as connection:
        connection.default_channel.qos.restore_visible(num=None)


def _unacked_keys(node: str) -> dict[str, Any]:
    return {
        "unacked_key": f"slimgest:unacked:{node}",
        "unacked_index_key": f"slimgest:unacked:{node}:index",
        "unacked_mutex_key": f"slimgest:unacked:{node}:mutex",
        "unacked_mutex_expire": 30,  # seconds; whoever dies while putting back holds others up for no longer
    }


class Lease(threading.Thread):
    """The worker's sign of life, from before its child loads a model until its last page has drained.

    A worker can be alive but deaf: connected, and no longer asking for work (celery #8030, #8091, #10205). One that has
    had nothing in hand for DEAF_S while messages waited ends itself, for its supervisor to start it again.
    """

    def __init__(self, node: str) -> None:
        super().__init__(name="lease", daemon=True)
        self._node = node
        self._over = threading.Event()
        # Not `app.jobs()`: that one belongs to the child.
        self._jobs = Jobs(settings(), connect(settings()), app)
        self._last = Worker(name=node, device=device_of(node), engine=settings().engine, state="starting")
        self._heard_s = time.monotonic()

    def run(self) -> None:
        # What the child tells of itself is to be told again, should Redis lose it: it is looked for often until seen.
        while not self._over.wait(BEAT_S if self._last.state != "starting" else _LOOK_S):
            try:
                self._beat()
            except RedisError as error:  # the next beat tries again
                self._heard_s = time.monotonic()
                _log.warning("no sign of life given: %s", type(error).__name__)

    def _beat(self) -> None:
        roster = self._jobs.roster
        known = next((worker for worker in roster.workers() if worker.name == self._node), None)
        if known is not None:
            idle = {"state": "idle", "job_id": None, "page_number": None} if known.state == "busy" else {}
            # To be told again, should Redis forget it; a counter that is forgotten begins anew.
            self._last = known.model_copy(update={"busy_seconds": 0.0, **idle})
        roster.keep(self._last)
        if known is None or known.state != "idle" or state.reserved_requests or not any_waiting(self._jobs):
            self._heard_s = time.monotonic()
        elif time.monotonic() - self._heard_s > DEAF_S:
            _log.critical("%s has work waiting and takes none: it ends, to be started again", self._node)
            os.kill(os.getpid(), signal.SIGKILL)

    def end(self, **_: Any) -> None:
        self._over.set()
        self._jobs.roster.sign_off(self._node)


@app.task(name="slimgest.rescue")
def rescue() -> list[str]:
    """Puts back what lost workers held; returns their names. Run by beat, safe to run at any time from anywhere."""
    lost = jobs().roster.lost()
    for node in lost:
        put_back(app, node)
        if not jobs().redis.hlen(_unacked_keys(node)["unacked_key"]):  # else somebody else is at it: next time
            jobs().roster.sign_off(node)
    return lost


# --- The child --------------------------------------------------------------------------------------------------------


@worker_process_init.connect
def wake(**_: Any) -> None:
    """Loads and warms up the engine; only then is the worker `idle`, and the service ready."""
    end_with_parent(signal.SIGKILL)  # its page is read again elsewhere
    # Celery subscribes to the results of every chord that is sent, and keeps them until they come; those of pages never
    # do, and nobody waits here: without this a child would hold some KB and a subscription in Redis for each task sent.
    app.backend.add_pending_result = lambda result, **_: result
    me = Worker(name=_node, device=device_of(_node), engine=settings().engine, state="starting")
    try:
        choice = engines.choose(settings())
        me = me.model_copy(update={"engine": choice.name, "detail": choice.reason})
        jobs().roster.sign_on(me)
        started_s = time.perf_counter()
        engine = tasks.engine()
        if settings().warm_up:
            engine.warm_up(built_in_page())
        tasks.renderers()
    except Exception as error:  # Celery would log this and go on without an engine
        _give_up(me, error)
    tasks.guard()
    told = f"{engine.name} {engine.version}"
    ready = {"state": "idle", "engine": told, "memory_mb": resident_bytes() >> 20, **_settle(engine, _node)}
    jobs().roster.sign_on(me.model_copy(update=ready))
    took_s = time.perf_counter() - started_s
    tracing.start(worker=_node, engine=told)
    _log.warning("%s is ready: %s in %.1f s (%s)", _node, told, took_s, choice.reason)
    gc.collect()
    gc.freeze()  # what is here now stays, and need not be looked at again
    task_postrun.connect(_clean_up, weak=False)


def _clean_up(task: Any, **_: Any) -> None:
    """Celery ends an ingest by an exception, once the chord has taken its place, and leaves that with all its frames in
    a circle: a hundred jobs in a row grew a child by 80 MB before the collector came by itself."""
    if task.name == "slimgest.ingest":
        gc.collect()


def _settle(engine: engines.Engine, node: str) -> dict[str, object]:
    """What an engine that lives on a device has to say of it, now; after each task it is told anew."""
    if not isinstance(engine, engines.OnDevice):
        return {}
    recycle.between_tasks(engine.worn)
    told: Callable[..., None] = partial(_tell_memory, engine, node)
    task_postrun.connect(told, weak=False)
    return {"device": f"{device_of(node)}: {engine.device}", "device_memory_mb": engine.memory_mb()}


def _tell_memory(engine: engines.OnDevice, node: str, **_: Any) -> None:
    try:
        jobs().roster.gauge(node, engine.memory_mb())
    except RedisError as error:  # the next task tells it; what this one has read is stored
        _log.warning("device memory not told: %s", type(error).__name__)


def _give_up(me: Worker, error: Exception) -> None:
    """Ends the whole worker: a child without an engine is no use, and Celery would start the next one at once."""
    reason = error.message if isinstance(error, EngineUnavailable) else f"{type(error).__name__}: {error}"
    _log.critical("%s cannot start: %s", _node, reason)
    with suppress(RedisError):
        jobs().roster.sign_on(me.model_copy(update={"state": "failed", "detail": reason}))
    os.kill(os.getppid(), signal.SIGTERM)
    sys.stderr.flush()
    os._exit(1)


def built_in_page() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A page of print, A4 at 150 dpi, for warming up: engines compile for the shapes of real pages."""
    page = Image.new("RGB", (1240, 1754), "white")
    draw = ImageDraw.Draw(page)
    for row, size in enumerate((40, 28, 28, 22, 22, 22)):
        text = "slimgest warms up its engine on this page of print, 0123456789."[: 60 - 7 * row]
        draw.text((90, 120 + 110 * row), text, fill="black", font=ImageFont.load_default(size))
    return np.asarray(page)
