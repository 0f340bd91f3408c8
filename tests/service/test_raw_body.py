"""A file as the body of a submission: the same as in a form, with the options in the query string."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support import images, pdfs
from tests.support.stack import Stack

PDF = pdfs.numbered(3)
PNG = images.saved(images.numbered(5)[-1], "PNG")


def _send(
    stack: Stack, path: str, body: bytes, media_type: str | None, headers: dict[str, str] | None = None, **options: str
) -> httpx.Response:
    given = {"Content-Type": media_type} if media_type else {}
    return stack.request("POST", path, content=body, params=options, headers={**given, **(headers or {})})


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_pdf_as_the_body_is_read_with_the_options_of_the_query(stack: Stack) -> None:
    answer = _send(stack, "/process-pdf", PDF, "application/pdf", pages="2-", mode="ocr", dpi="100", filename="a/b.pdf")
    (document,) = answer.json()["pdfs"]
    assert [page["text"] for page in document["pages"]] == ["page 2", "page 3"]
    options = document["options"]
    assert (document["filename"], options["mode"], options["dpi"], options["pages"]) == ("b.pdf", "ocr", 100, "2-")


@pytest.mark.parametrize("path", ["/process-pdf", "/process-pdfs"])
def test_an_image_as_the_body_is_read(stack: Stack, path: str) -> None:
    (document,) = _send(stack, path, PNG, "image/png").json()["pdfs"]
    assert (document["filename"], document["pages"][0]["text"]) == ("image.png", "page 5")


def test_the_content_decides_and_not_the_content_type(stack: Stack) -> None:
    (document,) = _send(stack, "/process-pdf", PNG, "application/pdf").json()["pdfs"]
    assert document["pages"][0]["text"] == "page 5"
    assert _code(_send(stack, "/jobs", b"no image at all", "image/png")) == (415, "upload.not_pdf")


def test_a_body_can_be_queued_streamed_and_repeated(stack: Stack) -> None:
    again = {"Idempotency-Key": "raw-body"}
    first = _send(stack, "/jobs", PDF, "application/pdf", again)
    assert first.status_code == 202 and first.headers["Location"] == f"/jobs/{first.json()['job_id']}"
    assert _send(stack, "/jobs", PDF, "application/pdf", again).json() == first.json()
    assert _code(_send(stack, "/jobs", PDF, "application/pdf", again, mode="ocr")) == (409, "request.key_reused")
    assert stack.wait_end(first.json()["job_id"])["status"] == "completed"
    assert "event:complete" in _send(stack, "/process-pdf-stream", PNG, "image/png").text.replace(" ", "")


def test_a_body_without_a_length_is_read_up_to_the_limit(stack: Stack) -> None:
    def chunks(count: int) -> Iterator[bytes]:
        yield PDF
        for _ in range(count):
            yield b"%" * (1 << 20)

    headers = {"Content-Type": "application/pdf"}
    good = stack.request("POST", "/process-pdf", content=chunks(0), headers=headers)
    assert len(good.json()["pdfs"][0]["pages"]) == 3
    assert _code(stack.request("POST", "/jobs", content=chunks(4), headers=headers)) == (413, "upload.too_large")


@pytest.mark.parametrize(
    ("body", "media_type", "options", "expected"),
    [
        (b"", "application/pdf", {}, (400, "upload.empty")),
        (PDF, None, {}, (400, "request.invalid")),
        (PDF, "application/json", {}, (400, "request.invalid")),
        (PDF, "application/pdf", {"dpi": "9"}, (422, "request.option")),
        (PDF, "application/pdf", {"page": "1"}, (400, "request.invalid")),
        (PDF, "application/pdf", {"password": "secret"}, (400, "request.invalid")),
        (b"%PDF-1.4" + b"\0" * (4 << 20), "application/pdf", {}, (413, "upload.too_large")),
    ],
)
def test_a_wrong_body_or_option_is_refused_and_leaves_nothing(
    stack: Stack, body: bytes, media_type: str | None, options: dict[str, str], expected: tuple[int, str]
) -> None:
    before = sorted(stack.files.job_ids())
    assert _code(_send(stack, "/jobs", body, media_type, **options)) == expected
    assert sorted(stack.files.job_ids()) == before


def test_a_form_takes_options_from_the_query_and_its_own_fields_win(stack: Stack) -> None:
    answer = stack.request(
        "POST", "/process-pdf", params={"pages": "1", "dpi": "80"}, files={"file": ("a.pdf", PDF)}, data={"dpi": "90"}
    )
    document = answer.json()["pdfs"][0]
    assert (document["options"]["pages"], document["options"]["dpi"]) == ("1", 90)
