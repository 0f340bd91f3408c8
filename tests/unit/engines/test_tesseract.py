"""Words of Tesseract's table become lines in logical order; its data become tags. With real data where installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import OcrLine
from slimgest_celery.engines.registry import load_helper
from slimgest_celery.engines.tesseract import Tesseract, find_data, installed_data, join_parts, parse_table, split_line
from slimgest_celery.errors import EngineUnavailable
from tests.support import drawn_pages
from tests.support.drawn_pages import DrawnLanguage, by_code, can_draw

LINE = "4\t1\t1\t1\t1\t0\t10\t20\t300\t25\t-1\t"


def _row(text: str, left: int, width: int = 50, confidence: float = 90) -> str:
    return f"5\t1\t1\t1\t1\t1\t{left}\t20\t{width}\t25\t{confidence}\t{text}"


def _word(text: str, left: float, right: float) -> OcrLine:
    return OcrLine(text=text, confidence=0.9, box=(left, 0, right, 25))


def test_the_table_has_the_words_of_each_line_without_empty_ones() -> None:
    table = "\n".join(
        [LINE, _row("one", 10), _row(" ", 70), LINE, _row("", 10), LINE, _row("ý", 10, confidence=50), ""]
    )
    (one,), (two,) = parse_table(table)
    assert (one.text, one.box, one.confidence) == ("one", (10, 20, 60, 45), 0.9)
    assert (two.text, two.confidence) == ("ý", 0.5), "composed, without marks of direction"


def test_parts_without_a_space_between_them_are_one_word() -> None:
    lines = [[_word("โด", 0, 20), _word("ย", 22, 30), _word("ที่", 60, 80)], [_word("สอง", 0, 30)]]
    first, second = join_parts(lines, "โดย ที่\n\nสอง\n")
    assert [word.text for word in first] == ["โดย", "ที่"] and first[0].box == (0, 0, 30, 25)
    assert [word.text for word in second] == ["สอง"]


def test_a_word_that_is_not_in_the_text_stays_apart() -> None:
    (line,) = join_parts([[_word("a", 0, 9), _word("b", 9, 18), _word("c", 20, 30)]], "a ? c")
    assert [word.text for word in line] == ["a", "b", "c"]


def test_a_line_from_right_to_left_is_split_at_a_gap_and_stays_in_logical_order() -> None:
    line = [_word("אחת", 300, 340), _word("12", 260, 290), _word("שלוש", 200, 250), _word("ארבע", 10, 60)]
    assert [[word.text for word in piece] for piece in split_line(line)] == [["אחת", "12", "שלוש"], ["ארבע"]]


def test_the_data_in_a_folder_are_known_by_tags(tmp_path: Path) -> None:
    (tmp_path / "script").mkdir()
    for name in (
        "eng",
        "chi_sim",
        "srp_latn",
        "osd",
        "equ",
        "jpn_vert",
        "frk",
        "script/Cyrillic",
        "script/Hangul_vert",
    ):
        (tmp_path / f"{name}.traineddata").touch()
    assert installed_data(tmp_path) == {
        "en": "eng", "zh-Hans": "chi_sim", "sr-Latn": "srp_latn", "Cyrl": "script/Cyrillic"
    }  # fmt: skip
    assert find_data(tmp_path) == tmp_path


def test_a_folder_without_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="SLIMGEST_TESSDATA"):
        find_data(tmp_path)
    assert load_helper(Settings.model_validate({"SLIMGEST_TESSDATA": tmp_path})) is None


@pytest.fixture(scope="module")
def tesseract() -> Tesseract:
    try:
        return Tesseract(Settings.model_validate({}))
    except EngineUnavailable as error:
        pytest.skip(error.message)


def _language(tesseract: Tesseract, code: str) -> DrawnLanguage:
    language = by_code(code)
    if code not in tesseract.languages or not can_draw(language):
        pytest.skip(f"apt-get install tesseract-ocr-{language.data} fonts-noto-core fonts-noto-cjk")
    return language


@pytest.mark.parametrize("code", ["ru", "ar", "th", "ko"])
def test_a_line_is_read_in_logical_order_and_without_added_spaces(tesseract: Tesseract, code: str) -> None:
    language = _language(tesseract, code)
    image = np.asarray(drawn_pages.draw(language, 2).convert("RGB"))[:220]
    (lines,) = tesseract.for_languages([code]).read([image])
    assert drawn_pages.error_rate(" ".join(line.text for line in lines), language, 2) <= language.max_error + 0.02


@pytest.mark.parametrize(("code", "script"), [("ru", "Cyrl"), ("he", "Hebr"), ("ko", "Kore"), ("de", "Latn")])
def test_the_script_of_a_page_is_detected(tesseract: Tesseract, code: str, script: str) -> None:
    image = np.asarray(drawn_pages.draw(_language(tesseract, code)).convert("RGB"))
    found = tesseract.detect_script(image)
    if found is None and not (find_data() / "osd.traineddata").is_file():
        pytest.skip("apt-get install tesseract-ocr-osd")
    assert found == script


def test_an_image_without_text_has_no_script(tesseract: Tesseract) -> None:
    assert tesseract.detect_script(np.full((400, 300, 3), 255, dtype=np.uint8)) is None


def test_only_a_few_instances_stay_loaded(tesseract: Tesseract) -> None:
    image = np.full((60, 60, 3), 255, dtype=np.uint8)
    codes = sorted(tesseract.languages)[:6]
    for code in [*codes, "en"]:
        tesseract.for_languages([code]).read([image])
    assert len(tesseract._loaded._apis) <= 4 and next(reversed(tesseract._loaded._apis))[0] == "eng"
