"""`python -m workers up|worker`: slimgest's processes, supervised. `slimgest up` and `slimgest worker` run this."""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from slimgest_celery.config import Settings, SettingsError, check_address, default_home

from .devices import find, plan
from .redis_server import NoRedisServer, prepare
from .supervisor import Service, Supervisor

_DRAIN_MARGIN_S = 15


@click.group()
def main() -> None:
    """Runs slimgest's processes and keeps them running."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine although no API keys are set.")
@click.option("--reload", is_flag=True, help="Restart the API when its source changes (development).")
@click.option("--private", is_flag=True, help="Keep everything in a folder that is deleted at the end.")
def up(host: str, port: int, insecure: bool, reload: bool, private: bool) -> None:
    """Everything: Redis if none is set, workers, beat and the API. Ctrl-C ends all of it."""
    settings = _settings()
    try:
        check_address(host, settings, insecure)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    with ExitStack() as stack:
        home = default_home()
        if private:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slimgest-")))
            os.environ["SLIMGEST_STORAGE_URL"] = str(home / "jobs")
        foundations: list[Service] = []
        if private or settings.redis_url is None:
            stack.enter_context(_locked(home))
            foundations = [_redis(home / "redis")]
        # The storage of one machine is settled here, so that all processes agree on it.
        os.environ.setdefault("SLIMGEST_STORAGE_URL", settings.storage_url)
        api = [sys.executable, "-m", "api", "--host", host, "--port", str(port), *(["--reload"] if reload else [])]
        api += ["--insecure"] if insecure else []
        run = stack.enter_context(tempfile.TemporaryDirectory(prefix="slimgest-run-"))
        services = [*foundations, *_workers(settings), _beat(Path(run)), Service(name="api", argv=api)]
        click.echo(f"slimgest: http://{host}:{port} (Ctrl-C ends it)", err=True)
        Supervisor(services, settings.page_timeout_s + _DRAIN_MARGIN_S).run()


@main.command()
def worker() -> None:
    """Workers, SLIMGEST_NUM_WORKERS or one per GPU, against the Redis at SLIMGEST_REDIS_URL."""
    settings = _settings()
    if settings.redis_url is None:
        raise click.UsageError("SLIMGEST_REDIS_URL is not set. `slimgest up` starts everything, a Redis too.")
    Supervisor(_workers(settings), settings.page_timeout_s + _DRAIN_MARGIN_S).run()


def _settings() -> Settings:
    try:
        return Settings.from_env()
    except SettingsError as error:
        raise click.UsageError(f"These settings are wrong:\n{error}") from error


def _workers(settings: Settings) -> list[Service]:
    options = ["-l", "WARNING", "--without-mingle", "--without-gossip"]
    return [
        Service(name=slot.name, argv=_celery("worker", "-n", f"{slot.name}@%h", *options), env=slot.env)
        for slot in plan(settings, find(os.environ))
    ]


def _beat(folder: Path) -> Service:
    schedule = str(folder / "beat-schedule")
    return Service(name="beat", argv=_celery("beat", "-l", "WARNING", "-s", schedule, "--pidfile="))


def _celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--quiet", "-A", "slimgest_celery", *arguments]


def _redis(folder: Path) -> Service:
    """The private Redis; every process started after this knows its address."""
    try:
        server = prepare(folder)
    except NoRedisServer as error:
        raise click.ClickException(str(error)) from error
    os.environ["SLIMGEST_REDIS_URL"] = server.url
    return Service(name="redis", argv=server.argv, foundation=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two Redis servers must not write to one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise click.ClickException(f"Another `slimgest up` is running with its data in {folder}.") from error
        yield


if __name__ == "__main__":
    main()
