"""The processes that tests start. All of them end with the process that runs the tests, even if it is killed."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from slimgest_celery.process_limits import end_with_parent
from workers.redis_server import EmbeddedRedis, prepare_server

_REDIS_START_S = 10
# Linux sends the signal of `end_with_parent` when the thread that started the process ends. So one thread, which lives
# as long as this process, starts all processes.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="process-starter")


def start(argv: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
    """Start a process with the arguments of `subprocess.Popen`. Linux kills it when this process ends."""
    return _starter.submit(subprocess.Popen, argv, preexec_fn=_end_with_tests, **how).result()


def _end_with_tests() -> None:
    end_with_parent(signal.SIGKILL)


@contextmanager
def embedded_redis(folder: Path) -> Iterator[str]:
    """Run the Redis of `slimgest up` inside the context, without supervision. Yield its URL."""
    prepared = prepare_server(folder)
    process = start(prepared.argv, start_new_session=True)
    try:
        wait_ready(prepared)
        yield prepared.url
    finally:
        process.terminate()
        process.wait()


def wait_ready(server: EmbeddedRedis) -> None:
    """Wait until the server answers. Raises `RuntimeError` with its log if it does not."""
    deadline_s = time.monotonic() + _REDIS_START_S
    with redis.Redis.from_url(server.url) as client:
        while time.monotonic() < deadline_s:
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.02)
    log = server.log.read_text() if server.log.exists() else "(it wrote no log)"
    raise RuntimeError(f"Redis did not start:\n{log}")
