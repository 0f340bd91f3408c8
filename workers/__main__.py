"""Start and supervise slimgest's processes. `slimgest up` and `slimgest worker` run `python -m workers up|worker`."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import click

from slimgest_celery.config import Settings, SettingsError, check_address, default_home, unknown_variables
from slimgest_celery.storage.local import make_private_folder
from workers.devices import WorkerPlan, find_devices, plan_export_worker, plan_workers
from workers.redis_server import NoRedisServer, prepare_server
from workers.supervisor import Service, Supervisor

_STOP_MARGIN_S = 15
_LATER_S = 5.0  # for what has nothing to do yet, and would take a third of the processor time of the start
_log = logging.getLogger(__name__)


@click.group()
def main() -> None:
    """Run slimgest's processes and restart those that end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--insecure", is_flag=True, help="Listen on a public address although no API keys are set.")
@click.option("--reload", is_flag=True, help="Restart the API when its source changes (development).")
@click.option("--private", is_flag=True, help="Store everything in a folder that is deleted at the end.")
def up(host: str, port: int, insecure: bool, reload: bool, private: bool) -> None:
    """Start Redis if none is set, workers, beat and the API. Ctrl-C ends them all."""
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
        own_redis: list[Service] = []
        if private or settings.redis_url is None:
            stack.enter_context(_locked(home))
            own_redis = [_redis(home / "redis")]
        check_port(host, port)
        # Set the storage here, so that all processes use the same one.
        os.environ.setdefault("SLIMGEST_STORAGE_URL", settings.storage_url)
        api = [sys.executable, "-m", "api", "--host", host, "--port", str(port), *(["--reload"] if reload else [])]
        api += ["--insecure"] if insecure else []
        run = stack.enter_context(tempfile.TemporaryDirectory(prefix="slimgest-run-"))
        services = [*own_redis, *_workers(settings), _beat(Path(run)), Service(name="api", argv=api)]
        click.echo("slimgest: starting …", err=True)
        Supervisor(services, settings.page_timeout_s + _STOP_MARGIN_S).run(_announcement(host, port))


@main.command()
def worker() -> None:
    """Start SLIMGEST_NUM_WORKERS workers, or one per GPU. They use the Redis at SLIMGEST_REDIS_URL."""
    settings = _settings()
    if settings.redis_url is None:
        raise click.UsageError("SLIMGEST_REDIS_URL is not set. `slimgest up` starts everything, including a Redis.")
    Supervisor(_workers(settings), settings.page_timeout_s + _STOP_MARGIN_S).run()


def _announcement(host: str, port: int) -> Iterator[None]:
    """Print the address once the API listens there; look whenever asked for the next value."""
    while not _listens(host, port):
        yield
    address = f"[{host}]" if ":" in host else host
    click.echo(f"slimgest: http://{address}:{port} (Ctrl-C ends it)", err=True)


def _listens(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        return probe.connect_ex((host, port)) == 0


def check_port(host: str, port: int) -> None:
    """Raise `ClickException` if another program listens at the address. Otherwise the API would start again forever."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn: connections that end are no obstacle
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"slimgest cannot listen on {host}, port {port}: {error.strerror}. Choose another one with --port."
            ) from error


def _settings() -> Settings:
    for line in unknown_variables(os.environ):
        _log.warning(line)
    try:
        return Settings.from_env()
    except SettingsError as error:
        raise click.UsageError(f"These settings are wrong:\n{error}") from error


def _workers(settings: Settings) -> list[Service]:
    options = ["-l", _celery_level(settings), "--without-mingle", "--without-gossip"]
    services = [_worker(plan, options) for plan in plan_workers(settings, find_devices(os.environ))]
    if settings.export_worker:
        services.append(replace(_worker(plan_export_worker(), [*options, "-Q", "exports"]), delay_s=_LATER_S))
    return services


def _worker(plan: WorkerPlan, options: Sequence[str]) -> Service:
    return Service(name=plan.name, argv=_celery("worker", "-n", f"{plan.name}@%h", *options), env=plan.env)


def _celery_level(settings: Settings) -> str:
    """Return the level of Celery's own log. At INFO, each task is a line or two beside slimgest's own."""
    return "WARNING" if settings.log_level == "INFO" else settings.log_level


def _beat(folder: Path) -> Service:
    schedule = str(folder / "beat-schedule")
    argv = _celery("beat", "-l", "WARNING", "-s", schedule, "--pidfile=")
    return Service(name="beat", argv=argv, delay_s=_LATER_S)


def _celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--quiet", "-A", "slimgest_celery", *arguments]


def _redis(folder: Path) -> Service:
    """Return the service of a private Redis. Every process that is started after this gets its address."""
    try:
        server = prepare_server(folder)
    except NoRedisServer as error:
        raise click.ClickException(str(error)) from error
    os.environ["SLIMGEST_REDIS_URL"] = server.url
    return Service(name="redis", argv=server.argv, stop_last=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder: two Redis servers must not write to the same one."""
    make_private_folder(folder)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise click.ClickException(
                f"Another `slimgest up` is running with its data in {folder}.\n"
                "To run a second service beside it, choose another folder and another port: "
                "XDG_DATA_HOME=FOLDER slimgest up --port 8001"
            ) from error
        yield


if __name__ == "__main__":
    main(prog_name="slimgest")  # `slimgest up` and `slimgest worker` run this module
