"""`python -m api`: run the API under gunicorn with gevent, so that one process serves thousands of event streams."""

from __future__ import annotations

import os
import sys

import click

from slimgest_celery.config import Settings, SettingsError, check_address, redis_url, unknown_variables


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--insecure", is_flag=True, help="Allow other machines to connect although no API keys are set.")
@click.option(
    "--processes",
    default=1,
    show_default=True,
    help="Number of API processes. They share their state through Redis and storage.",
)
@click.option("--reload", is_flag=True, help="Restart when the source code changes (for development).")
def main(host: str, port: int, insecure: bool, processes: int, reload: bool) -> None:
    """Run only the API. It needs SLIMGEST_REDIS_URL and workers on the same Redis. `slimgest up` runs everything."""
    for line in unknown_variables(os.environ):
        click.echo(f"Warning: {line}", err=True)
    try:
        settings = Settings.from_env()
        redis_url(settings)
        check_address(host, settings, insecure)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    argv = ["-k", "gevent", "-w", str(processes), "-b", address, "--log-level", "warning", "--graceful-timeout", "10"]
    # An event stream lasts as long as its job. gevent workers still send gunicorn their heartbeats during a stream, so
    # --timeout does not end it.
    argv += ["--timeout", "60", "--worker-connections", "10000", *(["--reload"] if reload else [])]
    # gunicorn also closes a new connection without an answer if it could not read a request from it within this time,
    # 2 s by default: an API whose processors are busy would drop requests that have arrived.
    argv += ["--keep-alive", "20"]
    # Else gunicorn honours some headers of every proxy on this machine. The application does this for trusted proxies.
    argv += ["--forwarded-allow-ips", ""]
    # Without gunicorn's socket for remote control, and without its folder in the home folder.
    argv += ["--no-control-socket"]
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *argv, "api:create_app()"])  # noqa: S606 - our own arguments


if __name__ == "__main__":
    main()
