"""A Redis server that a test may kill, stop and start again on the same port."""

from __future__ import annotations

from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.support.ports import free_port
from tests.support.processes import start
from tests.support.stack import wait_for
from workers.redis_server import find_server


class RedisServer:
    """Runs from the start; writes its AOF at every change, so that a restart loses nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True)
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self, *, empty: bool = False) -> None:
        self.emptied = empty
        if empty:
            for file in self._folder.rglob("*.aof*"):
                file.unlink()
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        with (self._folder / "redis.log").open("ab") as log:
            self.process = start(
                [find_server(), *options, "--appendonly", "yes", "--appendfsync", "always"], stdout=log, stderr=log
            )
        wait_for(self._answers, what="Redis")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        try:
            with Redis.from_url(self.url) as client:
                return bool(client.ping())
        except RedisError:
            return False
