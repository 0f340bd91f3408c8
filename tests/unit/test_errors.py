"""The tree of errors: the drawing at its head, messages, hints, and failures that another process stored."""

from __future__ import annotations

import re

import pytest

from slimgest_celery import errors
from slimgest_celery.errors import PageTimeout, PageUnknown, SlimgestError, all_errors
from slimgest_celery.models.problem import Problem, StoredFailure
from slimgest_celery.models.responses import ProblemDocument

FAMILIES = {"RetryLater", "OwnerLimit", "JobFailure", "PageFailure"}  # base classes without a code


def test_the_drawing_shows_every_class_with_its_code_status_and_whether_it_is_retryable() -> None:
    drawn = re.findall(r"^[ │├└─]+(\w+) +([a-z]+\.[a-z_]+) +(\d+)(  retryable)?$", str(errors.__doc__), re.M)
    assert drawn == [
        (error.__name__, error.code, str(error.http_status), "  retryable" if error.retryable else "")
        for error in all_errors()
    ]


def test_the_drawing_shows_the_base_of_every_class() -> None:
    bases = ["SlimgestError"]
    for indent, name in re.findall(r"^    ((?:[│ ]   )*)[├└]── (\w+)", str(errors.__doc__), re.M):
        depth = len(indent) // 4
        bases[depth + 1 :] = [name]
        assert getattr(errors, name).__base__.__name__ == bases[depth], name


def test_every_class_without_a_code_is_a_family() -> None:
    classes = {
        name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, SlimgestError)
    }
    assert {name for name, kind in classes.items() if not kind.code} == FAMILIES | {"SlimgestError"}


@pytest.mark.parametrize("error", list(all_errors()), ids=lambda error: error.code)
def test_message_and_hint_are_one_sentence_each(error: type[SlimgestError]) -> None:
    for sentence in (error().message, error().hint):
        assert sentence.endswith(".") and ". " not in sentence and len(sentence) > 15
        assert sentence[0].isupper() or sentence[0] == "`"


def test_a_message_of_its_own_keeps_the_hint_of_the_class_unless_another_is_given() -> None:
    assert PageTimeout("It took 9 s.").hint == PageTimeout.hint
    assert Problem.from_error(PageTimeout("It took 9 s.", "Wait.")).hint == "Wait."
    assert Problem.from_error(SlimgestError("No reason is known.")).hint is None


def test_a_stored_failure_has_the_status_of_its_code() -> None:
    failure = StoredFailure(Problem.from_error(PageUnknown()))
    assert (failure.code, failure.http_status, failure.hint) == ("page.unknown", 404, PageUnknown.hint)
    assert Problem.from_error(failure) == Problem.from_error(PageUnknown())


def test_a_stored_failure_with_a_code_of_another_version_is_no_error_of_the_service() -> None:
    problem = Problem(code="page.invented_later", message="It is new.", retryable=True)
    failure = StoredFailure(problem)
    assert (failure.http_status, failure.retryable, Problem.from_error(failure)) == (422, True, problem)
    document = ProblemDocument.from_problem(problem, failure.http_status)
    assert (document.title, document.type) == ("It is new.", "/docs/errors#page.invented_later")


def test_a_problem_that_was_stored_before_hints_existed_is_read() -> None:
    stored = '{"code": "pdf.unreadable", "message": "The PDF is damaged.", "retryable": false}'
    assert Problem.model_validate_json(stored).hint is None
