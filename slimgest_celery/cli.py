"""The `slimgest` command: what runs and sets up a service; commands.py has what speaks to one."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version

import click
from click.shell_completion import get_completion_class
from rich.console import Console

from . import commands
from .access import make_key, parse_keys
from .config import Settings, SettingsError
from .deliveries import make_secret, secret_for
from .diagnosis import findings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("slimgest"), prog_name="slimgest")
def main() -> None:
    """PDFs in; text, boxes and confidence out, page by page.

    \b
    slimgest process scan.pdf            read a PDF here and now, Markdown to the terminal
    slimgest up                          run the service: workers and an HTTP API on port 8000
    slimgest submit scan.pdf             queue a PDF at a running service

    A service with API keys wants yours in SLIMGEST_API_KEY. Ends with 0 where all is well, 1 where something could not
    be read, 2 for wrong use, 130 after Ctrl-C.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine although no API keys are set.")
@click.option("--reload", is_flag=True, help="Restart the API when its source changes (development).")
def up(host: str, port: int, insecure: bool, reload: bool) -> None:
    """Run everything on this machine.

    Redis if none is set, workers, beat, and the API with its web page. Ctrl-C ends all of it.
    """
    flags = [flag for flag, given in (("--reload", reload), ("--insecure", insecure)) if given]
    _become("up", "--host", host, "--port", str(port), *flags)


@main.command()
def worker() -> None:
    """Run workers for a service.

    SLIMGEST_NUM_WORKERS of them, or one per GPU, against the Redis at SLIMGEST_REDIS_URL.
    """
    _become("worker")


def _become(*arguments: str) -> None:
    """Processes and their supervision are the business of `workers`, which this library never imports."""
    os.execv(sys.executable, [sys.executable, "-m", "workers", *arguments])  # noqa: S606


@main.command()
@click.argument("name")
def key(name: str) -> None:
    """Make an API key for NAME.

    Prints the key for its owner, and what to add to SLIMGEST_API_KEYS.
    """
    secret, pair = make_key(name)
    try:
        parse_keys(pair)
    except ValueError as error:
        raise click.UsageError("NAME must be 1 to 64 letters, digits, dots, dashes or underscores.") from error
    click.echo(f"Key for {name} (shown only now): {secret}\nAdd to SLIMGEST_API_KEYS:          {pair}")


@main.command("webhook-secret")
@click.argument("owner", required=False)
def webhook_secret(owner: str | None) -> None:
    """Make a secret that signs webhooks.

    It belongs in SLIMGEST_WEBHOOK_SECRET. With OWNER, who has an API key: tell the secret that is theirs.
    """
    if owner is None:
        click.echo(make_secret())
        return
    try:
        known = Settings.from_env().webhook_secrets
    except SettingsError as error:
        raise click.UsageError(f"These settings are wrong:\n{error}") from error
    if not known:
        raise click.UsageError("SLIMGEST_WEBHOOK_SECRET is not set; `slimgest webhook-secret` makes one for it.")
    for secret in known:
        click.echo(secret_for(secret, owner))


@main.command()
def doctor() -> None:
    """Say what this machine has and lacks.

    And what to do about that. Ends with 1 where something is missing that is needed.
    """
    found = findings()
    for finding in found:
        mark = "[green]ok  [/]" if finding.well else "[red]MISS[/]" if finding.needed else "[yellow]none[/]"
        Console().print(f"{mark} {finding.what}", highlight=False)
        if not finding.well:
            Console().print(f"     {finding.advice}", highlight=False)
    if not all(finding.well for finding in found if finding.needed):
        sys.exit(1)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a shell's completion of this command.

    \b
    eval "$(slimgest completion bash)"   in ~/.bashrc; for fish: slimgest completion fish | source
    """
    complete = get_completion_class(shell)
    assert complete is not None  # noqa: S101 - click has one for each of the choices
    click.echo(complete(main, {}, "slimgest", "_SLIMGEST_COMPLETE").source())


for command in commands.ALL:
    main.add_command(command)


if __name__ == "__main__":
    main()
