"""What the command line says to do about an error."""

from __future__ import annotations

from slimgest_celery import advice, errors


def test_every_code_that_has_advice_is_one_of_the_service() -> None:
    assert set(advice.ADVICE) <= {error.code for error in errors.all_errors()}


def test_an_error_without_advice_is_its_message_and_code() -> None:
    assert advice.sentence("job.unknown", "There is no such job.").startswith("There is no such job. (job.unknown) `")
    assert advice.sentence("page.worker_lost", "It went.") == "It went. (page.worker_lost)"
    assert advice.sentence("", "The service answered 502.") == "The service answered 502."


def test_advice_for_the_command_line_stands_in_place_of_that_for_requests() -> None:
    told = advice.sentence("pdf.encrypted", errors.PdfEncrypted().message)
    assert told == "The PDF is encrypted. (pdf.encrypted) Give its password with --password."
