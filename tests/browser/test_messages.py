"""Messages for people who use the web page: no form fields, HTTP headers, settings or commands."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from slimgest_celery.errors import LanguageUnavailable, all_errors
from slimgest_celery.models.warning import WARNINGS
from tests.support import pdfs
from tests.support.browser import choose

_TECHNICAL = re.compile(
    r"`|SLIMGEST_|\bheaders?\b|\bform\b|\bfields?\b|HTTP|curl|\bGET\b|\bPOST\b|Bearer|/jobs|/docs|callback|webhook"
    r"|Idempotency|Retry-After|apt-get|Operator:|\bdpi\b`|request\b",
    re.IGNORECASE,
)


def test_no_message_names_what_only_developers_and_operators_know(visitor: Page) -> None:
    problems = [{"code": error.code, "message": error().message, "hint": error.hint} for error in all_errors()]
    problems += [{"code": code, "message": kind.message, "hint": kind.hint} for code, kind in WARNINGS.items()]
    problems += [{"code": "", "message": "the field `x` is wrong", "hint": "Send the header `Y`."}]
    problems += [
        {"code": LanguageUnavailable.code, "message": "No engine reads xx.", "hint": "Operator: install `xx`."}
    ]
    messages = visitor.evaluate(
        "problems => import('./web/messages.js').then(m => problems.map(one => m.explain(one)))", problems
    )
    for problem, found in zip(problems, messages, strict=True):
        assert found["message"], problem
        about_image = found["message"] if "callback" in problem["code"] else ""
        for text in (found["message"], found["hint"]):
            assert not _TECHNICAL.search(text.removeprefix(about_image)), (problem["code"], text)


def test_a_refused_option_is_explained_without_the_names_of_the_api(visitor: Page) -> None:
    visitor.locator(".options summary").click()
    visitor.get_by_label("Languages").fill("xx")
    choose(visitor, "letter.pdf", pdfs.text_pages(["Hello."]))
    row = visitor.locator("#documents li.upload", has_text="letter.pdf")
    expect(row).to_have_attribute("data-status", "failed")
    assert not _TECHNICAL.search(row.inner_text()), row.inner_text()


def test_a_link_to_a_document_that_does_not_exist_says_so(visitor: Page) -> None:
    visitor.evaluate("location.hash = '00000000-0000-4000-8000-000000000000'")
    expect(visitor.locator("#message-text")).to_have_text("There is no such document.")
    expect(visitor.locator("#message-hint")).to_contain_text("the link may be incomplete")
