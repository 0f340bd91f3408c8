"""`python -m api`: runs the API under gunicorn with gevent, so that thousands of event streams cost one process."""

from __future__ import annotations

import os
import sys

import click

from slimgest_celery.app import redis_url
from slimgest_celery.config import Settings, SettingsError, check_address


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine although no API keys are set.")
@click.option("--processes", default=1, show_default=True, help="API processes; all state is in Redis and storage.")
@click.option("--reload", is_flag=True, help="Restart when the source changes (development).")
def main(host: str, port: int, insecure: bool, processes: int, reload: bool) -> None:
    """Runs the API alone. It needs SLIMGEST_REDIS_URL, and workers on the same Redis; `slimgest up` runs all."""
    try:
        settings = Settings.from_env()
        redis_url(settings)
        check_address(host, settings, insecure)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    argv = ["-k", "gevent", "-w", str(processes), "-b", address, "--log-level", "warning", "--graceful-timeout", "10"]
    # A stream lasts as long as its job; gevent's workers give their own signs of life meanwhile.
    argv += ["--timeout", "60", "--worker-connections", "10000", *(["--reload"] if reload else [])]
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *argv, "api:create_app()"])  # noqa: S606


if __name__ == "__main__":
    main()
