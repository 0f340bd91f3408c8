"""Languages through the whole service, with real engines and pages drawn in many scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimgest_celery.config import Settings
from slimgest_celery.engines.registry import load_helper
from tests.support import drawn_pages, pdfs
from tests.support.drawn_pages import by_code, can_draw
from tests.support.stack import Stack, running


@pytest.fixture(scope="module")
def without_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A worker with RapidOCR, where no data of Tesseract are installed."""
    folder = tmp_path_factory.mktemp("no_data")
    with running(folder, workers=1, SLIMGEST_ENGINE="rapidocr", SLIMGEST_TESSDATA=str(folder)) as started:
        yield started


def _need_data(*codes: str) -> None:
    helper = load_helper(Settings.from_env({}))
    missing = [by_code(code).data for code in codes if helper is None or code not in helper.languages]
    if missing:
        pytest.skip(f"apt-get install {' '.join(f'tesseract-ocr-{name}' for name in missing)}")


def _drawn(*codes: str, lines: int = 6) -> bytes:
    """A PDF with a page in each of these languages."""
    if not all(can_draw(by_code(code)) for code in codes):
        pytest.skip("a font is missing: apt-get install fonts-noto-core fonts-noto-cjk")
    return pdfs.of_images([drawn_pages.draw(by_code(code), lines) for code in codes])


def test_a_page_that_nothing_here_reads_is_not_reported_as_read(without_data: Stack, tmp_path: Path) -> None:
    (tmp_path / "mixed.pdf").write_bytes(_drawn("de", "ru"))
    command = [
        sys.executable,
        "-m",
        "slimgest_celery.cli",
        "process",
        "mixed.pdf",
        "-f",
        "json",
        "--url",
        without_data.url,
    ]
    env = {**without_data.env, "SLIMGEST_URL": without_data.url}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert "mixed.pdf: 1 page may be wrong (script.unsupported)" in done.stderr
    document = json.loads(done.stdout)
    german, russian = document["pages"]
    assert german["warnings"] == [] and min(block["confidence"] for block in german["blocks"]) > 0.8
    (warning,) = russian["warnings"]
    assert warning["code"] == "script.unsupported" and "tesseract-ocr-rus" in warning["hint"]
    assert all(block["confidence"] < 0.5 for block in russian["blocks"])
    assert document["pages_with_warnings"] == 1
    assert without_data.get(f"/jobs/{document['job_id']}").json()["pages_with_warnings"] == 1
    *_, first, second, end = without_data.events(document["job_id"])
    assert sorted(map(str, (first.data["warnings"], second.data["warnings"]))) == ["['script.unsupported']", "[]"]
    assert end.data["pages_with_warnings"] == 1


def test_a_document_in_three_scripts_is_read_by_the_engines_that_know_them(rapid: Stack) -> None:
    _need_data("ru", "ar")
    (document,) = rapid.post("/process-pdf", _drawn("de", "ru", "ar")).json()["pdfs"]
    pages = document["pages"]
    assert [(page["engine"], page["language"], page["script"]) for page in pages] == [
        ("rapidocr", "de", "Latn"),
        ("tesseract", "ru", "Cyrl"),
        ("tesseract", "ar", "Arab"),
    ]
    assert document["pages_with_warnings"] == 0 and document["options"]["languages"] == "auto"
    for page, code in zip(pages, ("de", "ru", "ar"), strict=True):
        assert drawn_pages.error_rate(page["text"], by_code(code), 6) <= by_code(code).max_error


def test_named_languages_are_used_and_stored(rapid: Stack) -> None:
    _need_data("ru")
    (document,) = rapid.post("/process-pdf", _drawn("ru"), languages="rus,deu").json()["pdfs"]
    assert document["options"]["languages"] == "ru,de" and document["pages"][0]["engine"] == "tesseract"
    assert drawn_pages.error_rate(document["pages"][0]["text"], by_code("ru"), 6) <= by_code("ru").max_error


def test_a_language_that_no_engine_reads_is_refused_with_what_to_install(without_data: Stack) -> None:
    answer = without_data.post("/jobs", pdfs.numbered(1), languages="de,rus")
    assert (answer.status_code, answer.json()["code"]) == (422, "language.unavailable")
    assert "reads ru. It reads " in answer.json()["detail"] and ", en, " in answer.json()["detail"]
    assert "apt-get install tesseract-ocr-rus" in answer.json()["hint"]
    assert without_data.post("/jobs", pdfs.numbered(1), languages="de,rus", mode="text").status_code == 202
    wrong = without_data.post("/jobs", pdfs.numbered(1), languages="klingon")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "request.option")


def test_the_service_lists_its_languages(without_data: Stack) -> None:
    service = without_data.get("/").json()
    assert {"de", "en", "ja", "zh-Hans"} <= set(service["languages"]) and "ru" not in service["languages"]
    assert service["workers"][0]["languages"] == service["languages"]


def test_vertical_japanese_is_read_from_right_to_left_and_stays_upright(rapid: Stack) -> None:
    if not can_draw(by_code("ja")):
        pytest.skip("a font is missing: apt-get install fonts-noto-cjk")
    scan = pdfs.of_images([drawn_pages.draw_vertical(by_code("ja"), 8)])
    (document,) = rapid.post("/process-pdf", scan).json()["pdfs"]
    (page,) = document["pages"]
    assert (page["vertical"], page["turned"], page["rotation"], page["language"]) == (True, 0, 0, "ja")
    assert drawn_pages.error_rate(page["text"], by_code("ja"), 8) <= by_code("ja").max_error
    first, *_, last = page["blocks"]
    assert first["box"][0] > last["box"][0] and first["box"][3] - first["box"][1] > 0.4
    assert "\t" not in rapid.get(f"/jobs/{document['job_id']}/result?format=txt").text


def test_a_sideways_japanese_page_is_not_vertical(rapid: Stack) -> None:
    if not can_draw(by_code("ja")):
        pytest.skip("a font is missing: apt-get install fonts-noto-cjk")
    page = drawn_pages.draw(by_code("ja"), 8).rotate(90, expand=True)
    (document,) = rapid.post("/process-pdf", pdfs.of_images([page])).json()["pdfs"]
    assert (document["pages"][0]["vertical"], document["pages"][0]["turned"]) == (False, 90)
    assert drawn_pages.error_rate(document["pages"][0]["text"], by_code("ja"), 8) <= by_code("ja").max_error


def test_a_text_layer_has_a_language_too(rapid: Stack) -> None:
    (document,) = rapid.post("/process-pdf", pdfs.text_pages(["\n".join(pdfs.PROSE)])).json()["pdfs"]
    (page,) = document["pages"]
    assert (page["source"], page["engine"], page["language"], page["script"]) == ("text_layer", None, "en", "Latn")
