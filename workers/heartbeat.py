"""The heartbeat of a worker, and the end of a worker that no longer asks for work."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import Any

from celery.worker import state
from redis.exceptions import RedisError

from slimgest_celery.app import Components, app, connect, settings
from slimgest_celery.models.service import Worker
from slimgest_celery.state.worker_registry import HEARTBEAT_EVERY_S
from workers.devices import device_of

UNRESPONSIVE_S = 30.0
_STARTING_EVERY_S = 0.5
_log = logging.getLogger(__name__)


class Heartbeat(threading.Thread):
    """A thread that keeps a worker registered, from before its child loads a model until its last page is stored.

    Runs in the worker's parent process. A worker can be connected and no longer ask for messages (celery #8030, #8091,
    #10205). If a worker was idle for UNRESPONSIVE_S while messages waited, it kills itself, and its supervisor starts
    it again.
    """

    def __init__(self, node: str) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._node = node
        self._stopped = threading.Event()
        # Not `app.components()`: this process will fork, and those components belong to the child.
        parts = Components(settings(), connect(settings()), app)
        self._worker_registry, self._queue_lengths = parts.worker_registry, parts.queue_lengths
        self._last_known = Worker(name=node, device=device_of(node), engine=settings().engine, state="starting")
        self._responsive_s = time.monotonic()

    def run(self) -> None:
        # More often while the child starts: its registration must be known here before Redis can lose it.
        while not self._stopped.wait(HEARTBEAT_EVERY_S if self._last_known.state != "starting" else _STARTING_EVERY_S):
            try:
                self.beat()
            except RedisError as error:  # the next heartbeat tries again
                self._responsive_s = time.monotonic()
                _log.warning("heartbeat failed: %s", type(error).__name__)

    def beat(self) -> None:
        """Extend the worker's registration, or register it again if Redis has lost it."""
        known = next((worker for worker in self._worker_registry.workers() if worker.name == self._node), None)
        if known is not None:
            idle = {"state": "idle", "job_id": None, "page_number": None} if known.state == "busy" else {}
            # Used only if Redis loses the registration. Then the counter starts at zero.
            self._last_known = known.model_copy(update={"busy_seconds": 0.0, **idle})
        self._worker_registry.heartbeat(self._last_known)
        if known is None or known.state != "idle" or state.reserved_requests or not self._queue_lengths.any_waiting():
            self._responsive_s = time.monotonic()
        elif time.monotonic() - self._responsive_s > UNRESPONSIVE_S:
            _log.critical(
                "%s does not ask for the messages that wait: it ends, and its supervisor starts it again", self._node
            )
            os.kill(os.getpid(), signal.SIGKILL)

    def stop(self, **_: Any) -> None:
        """Deregister the worker at its normal end."""
        self._stopped.set()
        self._worker_registry.deregister(self._node)
