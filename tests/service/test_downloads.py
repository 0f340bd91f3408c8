"""Downloads of finished results: file names in every script, conditional requests, parts, compression."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterator

import httpx
import pytest
from werkzeug.http import parse_options_header

from slimgest_celery.formats.registry import FORMATS
from slimgest_celery.models.page import Block
from tests.support import pdfs
from tests.support.stack import Stack, running
from tests.support.stored_jobs import PAGE, store_job

NAMES = [
    "договор",  # Cyrillic
    "日本語",
    "合同文件",  # Chinese
    "한국어",
    "عقد",  # Arabic
    "חוזה",  # Hebrew
    "अनुबंध",  # Devanagari
    "চুক্তি",  # Bengali
    "สัญญา",  # Thai
    "ஒப்பந்தம்",  # Tamil
    "συμβόλαιο",  # Greek
    "პირობა",  # Georgian
    "պայմանագիր",  # Armenian
    "ውል",  # Ethiopic
    "price in €",
    "re\u0301sume\u0301",  # decomposed accents
    "ÄÖÜß",  # Latin-1
    "Łódź ğ ő",
    "📄 paper 𝔘",  # outside the Basic Multilingual Plane
    'a "quoted"; name, 100% of it',
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API without workers: the results are stored by the test."""
    with running(tmp_path_factory.mktemp("downloads"), workers=0) as started:
        yield started


@pytest.mark.parametrize("name", NAMES)
def test_a_document_has_its_name_in_any_script_and_an_approximation_in_ascii(api: Stack, name: str) -> None:
    assert len(NAMES) == 20
    job_id = store_job(api.files, f"{name}.pdf")
    for form in FORMATS:
        answer = api.get(f"/jobs/{job_id}/result", params={"format": form})
        assert answer.status_code == 200, form
        given = answer.headers["Content-Disposition"]
        assert given.isascii()
        suffix = FORMATS[form].suffix
        plain, fallback = given.split("; filename*=")[0], parse_options_header(given.split("; filename*=")[0])[1]
        assert plain.startswith('inline; filename="') and fallback["filename"].endswith(suffix)
        assert parse_options_header(given)[1]["filename"] == name + suffix


def test_the_name_of_an_upload_comes_back_in_any_script(api: Stack) -> None:
    for name in NAMES:
        answer = api.post("/jobs", pdfs.numbered(1), f"{name}.pdf")
        assert api.status(answer.json()["job_id"])["filename"] == f"{name}.pdf"
        api.request("DELETE", f"/jobs/{answer.json()['job_id']}")


PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture(scope="module")
def job_id(api: Stack) -> str:
    """A document of 30 pages."""
    block = Block(text="Some words. " * 200, confidence=1, box=(0.1, 0.1, 0.9, 0.2))
    page = PAGE.model_copy(update={"blocks": [block], "text": block.text})
    return store_job(api.files, "book.pdf", [page.model_copy(update={"page_number": n}) for n in range(1, 31)])


def _ask(api: Stack, job_id: str, form: str, method: str = "GET", **headers: str) -> httpx.Response:
    given = {**PLAIN, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return api.request(method, f"/jobs/{job_id}/result", params={"format": form}, headers=given)


@pytest.mark.parametrize("form", FORMATS)
def test_a_part_of_a_document_is_the_same_part_of_the_whole(api: Stack, job_id: str, form: str) -> None:
    whole = _ask(api, job_id, form)
    size = len(whole.content)
    assert whole.status_code == 200 and whole.headers["Accept-Ranges"] == "bytes"
    for asked, first, last in (
        ("0-9", 0, 9),
        ("7-", 7, size - 1),
        ("-5", size - 5, size - 1),
        (f"3-{size}", 3, size - 1),
    ):
        part = _ask(api, job_id, form, Range=f"bytes={asked}", If_Range=whole.headers["ETag"])
        assert (part.status_code, part.headers["Content-Range"]) == (206, f"bytes {first}-{last}/{size}")
        assert part.content == whole.content[first : last + 1] and part.headers["ETag"] == whole.headers["ETag"]
    beyond = _ask(api, job_id, form, Range=f"bytes={size}-")
    assert (beyond.status_code, beyond.json()["code"]) == (416, "request.range")
    assert beyond.headers["Content-Range"] == f"bytes */{size}"
    for ignored in ("bytes=0-1,5-6", "pages=1-2", "bytes=x", "bytes=9-1"):
        assert _ask(api, job_id, form, Range=ignored).content == whole.content
    assert _ask(api, job_id, form, Range="bytes=0-9", If_Range='"another"').content == whole.content


@pytest.mark.parametrize("form", FORMATS)
def test_a_client_that_has_the_document_receives_304(api: Stack, job_id: str, form: str) -> None:
    whole = _ask(api, job_id, form)
    etag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]
    for condition in ({"If_None_Match": etag}, {"If_Modified_Since": modified}):
        unchanged = _ask(api, job_id, form, **condition)
        assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", etag)
    for condition in ({"If_None_Match": '"x"'}, {"If_Modified_Since": "Wed, 01 Jan 2020 00:00:00 GMT"}):
        assert _ask(api, job_id, form, **condition).content == whole.content
    head = _ask(api, job_id, form, method="HEAD")
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", etag)
    assert head.headers.get("Content-Length") == (str(len(whole.content)) if form == "pdf" else None)


def test_each_format_each_option_and_each_end_of_a_job_has_its_own_etag(api: Stack, job_id: str) -> None:
    etags = [_ask(api, job_id, form).headers["ETag"] for form in FORMATS]
    zips = [api.get(f"/jobs/{job_id}/result?format=zip&formats={part}").headers["ETag"] for part in ("md", "hocr")]
    titled = api.get(f"/jobs/{job_id}/result?format=md&title=filename").headers["ETag"]
    assert len({*etags, *zips, titled}) == len(etags) + len(zips) + 1
    other = store_job(api.files, "book.pdf")
    assert _ask(api, other, "json").headers["ETag"] not in etags


@pytest.mark.parametrize("form", FORMATS)
def test_text_formats_are_compressed_on_request(api: Stack, job_id: str, form: str) -> None:
    whole = _ask(api, job_id, form)
    with httpx.stream(
        "GET", f"{api.url}/jobs/{job_id}/result", params={"format": form}, headers={"Accept-Encoding": "gzip"}
    ) as answer:
        sent = b"".join(answer.iter_raw())
    assert "Accept-Encoding" in answer.headers["Vary"] and "Authorization" in answer.headers["Vary"]
    if FORMATS[form].media_type in ("application/pdf", "application/zip"):
        assert "Content-Encoding" not in answer.headers and sent == whole.content
        return
    assert answer.headers["Content-Encoding"] == "gzip" and gzip.decompress(sent) == whole.content
    assert len(sent) < len(whole.content) / 3 and answer.headers["ETag"] != whole.headers["ETag"]
    unchanged = _ask(api, job_id, form, If_None_Match=answer.headers["ETag"], Accept_Encoding="gzip")
    assert unchanged.status_code == 304
    part = _ask(api, job_id, form, Range="bytes=5-9", Accept_Encoding="gzip")
    assert part.content == whole.content[5:10] and "Content-Encoding" not in part.headers


def test_an_unknown_job_is_404_for_head_as_well(api: Stack) -> None:
    assert _ask(api, str(uuid.uuid4()), "json", method="HEAD").status_code == 404
