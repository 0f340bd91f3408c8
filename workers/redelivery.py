"""The requeue of a dead worker's messages.

Kombu keeps the unacknowledged messages of all workers in one Redis hash and returns them after the visibility timeout,
because it cannot know which worker holds which message. Here each worker has a hash of its own, so that its messages
are requeued as soon as its death is noticed: by its successor of the same name when that connects
(`RequeueOnConnect`), or by `slimgest.rescue` when its heartbeat has expired.
"""

from __future__ import annotations

from typing import Any

from celery import Celery, bootsteps

from slimgest_celery.app import app, components


def unacked_keys(node: str) -> dict[str, Any]:
    """Return the transport options that give the worker with this Celery node name a hash of its own."""
    return {
        "unacked_key": f"slimgest:unacked:{node}",
        "unacked_index_key": f"slimgest:unacked:{node}:index",
        "unacked_mutex_key": f"slimgest:unacked:{node}:mutex",
        "unacked_mutex_expire": 30,  # seconds: a process that dies while it requeues blocks others for no longer
    }


def requeue_unacked(celery: Celery, node: str) -> None:
    """Requeue all messages of a dead worker. Safe to repeat, even at the same time."""
    # The dead worker's clock wrote the times in the hash and may be ahead of this one: the timeout must not matter.
    options = {**unacked_keys(node), "visibility_timeout": -(10**9)}
    with celery.connection_for_write(transport_options=options) as connection:
        connection.default_channel.qos.restore_visible(num=None)


class RequeueOnConnect(bootsteps.StartStopStep):  # type: ignore[misc]
    """Whenever a worker connects, requeue its own earlier messages, or those of a dead worker of the same name.

    A message cannot be acknowledged after its connection broke. If the worker still reads its pages, they are read
    twice, which does no harm: the second reader finds them stored.
    """

    requires = ("celery.worker.consumer.connection:Connection",)

    def start(self, parent: Any) -> None:
        requeue_unacked(app, parent.hostname)


app.steps["consumer"].add(RequeueOnConnect)


@app.task(name="slimgest.rescue")
def requeue_lost_workers() -> list[str]:
    """Requeue the messages of workers whose heartbeat has expired. Return the names of these workers.

    Celery beat sends this task every few seconds. Safe to run at any time, on any worker.
    """
    registry, redis = components().worker_registry, components().redis
    lost = registry.expired()
    for node in lost:
        requeue_unacked(app, node)
        if not redis.hlen(unacked_keys(node)["unacked_key"]):  # otherwise another process is requeueing: try again
            registry.deregister(node)
    return lost
