"""The life of one Celery worker: it owns the messages it holds, loads its engine in the child, and signs on.

Celery imports this module by `imports` in celeryconfig.py, so that a plain `celery -A slimgest_celery worker` is
the same worker as one that the supervisor started.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from celery import Celery
from celery.signals import celeryd_init, task_postrun, worker_process_init, worker_shutdown
from PIL import Image, ImageDraw, ImageFont
from redis.exceptions import RedisError

from slimgest_celery import engines, tasks
from slimgest_celery.app import app, connect, jobs, settings
from slimgest_celery.errors import EngineUnavailable
from slimgest_celery.model import Worker
from slimgest_celery.roster import BEAT_S, Roster

from . import recycle
from .devices import device_of

_PR_SET_PDEATHSIG = 1
_log = logging.getLogger(__name__)
_node = ""  # this worker's Celery node name, known to the child by fork


# --- The parent -------------------------------------------------------------------------------------------------------


@celeryd_init.connect
def sign_on(sender: str, conf: Any, **_: Any) -> None:
    """Keeps the messages this worker holds under its own name; what a predecessor of that name held is put back.

    Kombu keeps all unacknowledged messages of all workers in one hash and returns them after the visibility timeout,
    for it cannot know whose are whose. With a hash per worker, a dead one's are returned when its death is noticed:
    here, by its successor, or by `slimgest.rescue` when its lease has run out.
    """
    global _node
    _node = sender
    put_back(app, sender)
    conf.broker_transport_options = {**conf.broker_transport_options, **_unacked_keys(sender)}
    lease = Lease(sender)
    worker_shutdown.connect(lease.end, weak=False)
    lease.start()


def put_back(celery: Celery, node: str) -> None:
    """Returns all messages that a dead worker held to their queues. Safe to run twice, and at the same time."""
    everything = {**_unacked_keys(node), "visibility_timeout": -1}
    with celery.connection_for_write(transport_options=everything) as connection:
        connection.default_channel.qos.restore_visible(num=None)


def _unacked_keys(node: str) -> dict[str, str]:
    return {
        "unacked_key": f"slimgest:unacked:{node}",
        "unacked_index_key": f"slimgest:unacked:{node}:index",
        "unacked_mutex_key": f"slimgest:unacked:{node}:mutex",
    }


class Lease(threading.Thread):
    """The worker's sign of life, from before its child loads a model until its last page has drained."""

    def __init__(self, node: str) -> None:
        super().__init__(name="lease", daemon=True)
        self._node = node
        self._over = threading.Event()
        self._roster = Roster(connect(settings()))  # not `jobs()`: that one belongs to the child

    def run(self) -> None:
        while not self._over.wait(BEAT_S):
            try:
                self._roster.keep(self._node)
            except RedisError as error:  # the next beat tries again
                _log.warning("no sign of life given: %s", type(error).__name__)

    def end(self, **_: Any) -> None:
        self._over.set()
        self._roster.sign_off(self._node)


@app.task(name="slimgest.rescue")
def rescue() -> list[str]:
    """Puts back what lost workers held; returns their names. Run by beat, safe to run at any time from anywhere."""
    lost = jobs().roster.lost()
    for node in lost:
        put_back(app, node)
        jobs().roster.sign_off(node)
    return lost


# --- The child --------------------------------------------------------------------------------------------------------


@worker_process_init.connect
def wake(**_: Any) -> None:
    """Loads and warms up the engine; only then is the worker `idle`, and the service ready."""
    _die_with_parent()
    me = Worker(name=_node, device=device_of(_node), engine=settings().engine, state="starting")
    try:
        choice = engines.choose(settings())
        me = me.model_copy(update={"engine": choice.name, "detail": choice.reason})
        jobs().roster.sign_on(me)
        started_s = time.perf_counter()
        engine = tasks.engine()
        engine.warm_up(built_in_page())
        tasks.renderers()
    except Exception as error:  # Celery would log this and go on without an engine
        _give_up(me, error)
    tasks.guard()
    told = f"{engine.name} {engine.version}"
    jobs().roster.sign_on(me.model_copy(update={"state": "idle", "engine": told, **_settle(engine, _node)}))
    took_s = time.perf_counter() - started_s
    _log.warning("%s is ready: %s in %.1f s (%s)", _node, told, took_s, choice.reason)


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


def _die_with_parent() -> None:
    """A child whose worker was killed has no one to answer to: its page is read again elsewhere. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
