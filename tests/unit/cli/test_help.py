"""The help of the `slimgest` command."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from slimgest_celery.cli.main import main


@pytest.mark.parametrize("name", ["", *main.commands])
def test_the_help_explains_every_option_and_shows_examples_for_every_argument(name: str) -> None:
    command = main.commands[name] if name else main
    shown = CliRunner().invoke(main, [name, "--help"] if name else ["--help"])
    assert shown.exit_code == 0
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert all(option.help and option.help.endswith(".") for option in options if "--version" not in option.opts)
    has_arguments = any(isinstance(argument, click.Argument) for argument in command.params)
    examples = [line for line in shown.output.splitlines() if line.strip().startswith("slimgest ")]
    if has_arguments:
        assert "Example" in shown.output
    assert all(len(line) <= 95 for line in examples)
