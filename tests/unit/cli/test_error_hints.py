"""The text of an error on the command line."""

from __future__ import annotations

from slimgest_celery import errors
from slimgest_celery.cli.error_hints import COMMAND_HINTS, error_text


def test_every_code_with_a_hint_of_the_command_line_exists() -> None:
    assert set(COMMAND_HINTS) <= {error.code for error in errors.all_errors()}


def test_every_hint_of_the_command_line_is_one_sentence() -> None:
    assert all(hint.endswith(".") and ". " not in hint for hint in COMMAND_HINTS.values())


def test_the_text_is_the_message_the_code_and_the_hint() -> None:
    assert error_text("The page is gone.", "page.new", "Wait.") == "The page is gone. (page.new) Wait."
    assert error_text("The page is gone.", "page.new") == "The page is gone. (page.new)"
    assert error_text("The service answered 502.") == "The service answered 502."


def test_a_hint_of_the_command_line_replaces_that_of_the_service() -> None:
    error = errors.PdfEncrypted()
    text = error_text(error.message, error.code, error.hint)
    assert text == "The PDF is encrypted, and no password was sent. (pdf.encrypted) Give the password with --password."
