"""The `slimgest` command, with the commands that run and set up a service. commands.py has those that use a service."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version

import click
from click.shell_completion import get_completion_class
from rich.console import Console
from rich.markup import escape

from slimgest_celery.api_keys import make_key, parse_keys
from slimgest_celery.cli import commands
from slimgest_celery.config import Settings, SettingsError
from slimgest_celery.webhooks.signing import make_secret, secret_for


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("slimgest"), prog_name="slimgest")
def main() -> None:
    """Read PDFs and scans: text, boxes and confidence, page by page.

    \b
    Examples:
      slimgest process scan.pdf                  read a PDF now, and print Markdown
      slimgest process scans/ -o out -f pdf      make the PDFs of a folder searchable
      slimgest up                                run the service and its web page on port 8000
      slimgest submit scan.pdf                   queue a PDF at a running service
      slimgest doctor                            check this machine

    If the service has API keys, set SLIMGEST_API_KEY to yours. Exit codes: 0 success, 1 something could not be read, 2
    wrong usage, 130 Ctrl-C.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--insecure", is_flag=True, help="Accept connections from other machines without API keys.")
@click.option("--reload", is_flag=True, help="Restart the API when its source code changes (for development).")
def up(host: str, port: int, insecure: bool, reload: bool) -> None:
    """Run the whole service on this machine.

    Starts the workers, Celery beat, and the API with its web page, and also Redis if SLIMGEST_REDIS_URL is not set.
    Ctrl-C stops everything.

    \b
    Examples:
      slimgest up                       on http://127.0.0.1:8000
      slimgest up --host 0.0.0.0        for other machines; needs SLIMGEST_API_KEYS
    """
    flags = [flag for flag, given in (("--reload", reload), ("--insecure", insecure)) if given]
    _exec_workers("up", "--host", host, "--port", str(port), *flags)


@main.command()
def worker() -> None:
    """Run only workers, for a service on another machine.

    Starts SLIMGEST_NUM_WORKERS workers, or one per GPU, that take their tasks from the Redis at SLIMGEST_REDIS_URL.
    """
    _exec_workers("worker")


def _exec_workers(*arguments: str) -> None:
    """Replace this process by `workers`, which supervises processes and is never imported by this package."""
    os.execv(sys.executable, [sys.executable, "-m", "workers", *arguments])  # noqa: S606 - our own arguments


@main.command()
@click.argument("name")
def key(name: str) -> None:
    """Create an API key for NAME.

    Prints the key for its owner, and the entry to add to SLIMGEST_API_KEYS.

    \b
    Example:
      slimgest key alice
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
    """Create a secret that signs webhooks.

    Set SLIMGEST_WEBHOOK_SECRET to it. With OWNER, the name of an API key: print the secret with which that owner
    verifies messages.

    \b
    Examples:
      export SLIMGEST_WEBHOOK_SECRET=$(slimgest webhook-secret)
      slimgest webhook-secret alice
    """
    if owner is None:
        click.echo(make_secret())
        return
    try:
        known = Settings.from_env().webhook_secrets
    except SettingsError as error:
        raise click.UsageError(f"These settings are wrong:\n{error}") from error
    if not known:
        raise click.UsageError("SLIMGEST_WEBHOOK_SECRET is not set; create one with `slimgest webhook-secret`.")
    for secret in known:
        click.echo(secret_for(secret, owner))


@main.command()
def doctor() -> None:
    """Check this machine, and say what to do about each problem.

    Checks Python, settings, Redis, storage, OCR engines and disk space. The exit code is 1 if something required is
    missing.
    """
    # It imports the service, which takes half a second that no other command needs.
    from slimgest_celery.cli.doctor import check_machine

    found, console = check_machine(), Console(highlight=False, soft_wrap=True)
    for finding in found:
        mark = "[green]ok     [/]" if finding.ok else "[red]problem[/]" if finding.required else "[yellow]absent [/]"
        console.print(f"{mark} {escape(finding.name)}")
        if not finding.ok:
            console.print(f"        {escape(finding.advice)}")
    if not all(finding.ok for finding in found if finding.required):
        sys.exit(1)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes this command in a shell.

    \b
    Examples:
      eval "$(slimgest completion bash)"         in ~/.bashrc
      slimgest completion fish | source          in config.fish
    """
    complete = get_completion_class(shell)
    assert complete is not None  # noqa: S101 - click has one for each of the choices
    click.echo(complete(main, {}, "slimgest", "_SLIMGEST_COMPLETE").source())


for command in commands.ALL:
    main.add_command(command)
