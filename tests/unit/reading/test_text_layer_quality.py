"""The statistics of a text layer decide if it is trusted, distrusted or in question."""

from __future__ import annotations

import pytest

from slimgest_celery.pdf.text_line import TextLine
from slimgest_celery.reading import text_layer_quality
from slimgest_celery.reading.text_layer_quality import OpenQuestion

PROSE = (
    "Every line of this page was set by a printer who knew what a reader wants, and so it reads as prose does. "
    "There are long words and short ones, commas, and here and there a number such as 1984 or 3.14 in between. "
) * 3


def _lines(text: str, *, hidden: bool = False) -> list[TextLine]:
    return [TextLine(text=text, box=(0.1, 0.1, 0.9, 0.5), hidden=hidden)]


def test_prose_is_trusted_without_a_check_of_the_page() -> None:
    layer = text_layer_quality.assess(_lines(PROSE), picture_cover=0.0)
    assert layer.is_trusted and layer.score == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_text"),
        ("\ufffd" * 50 + PROSE[:100], "garbled_text"),
        ("\ue001\ue002\ue003 \ue004\ue005", "garbled_text"),
        ("\x01\x02\x03\x04 abc", "garbled_text"),
        ("Ã©tÃ© Ã  la cÃ´te, oÃ¹ lâ€™on Ã©tait", "garbled_text"),
    ],
)
def test_broken_text_is_distrusted_for_a_reason(text: str, reason: str) -> None:
    layer = text_layer_quality.assess(_lines(text), picture_cover=0.0)
    assert (layer.reason, layer.open_question) == (reason, None) and layer.score < 0.9


def test_only_invisible_text_is_hidden_text() -> None:
    assert text_layer_quality.assess(_lines(PROSE, hidden=True), picture_cover=0.0).reason == "hidden_text"


def test_invisible_text_beside_printed_text_is_not_part_of_the_layer() -> None:
    layer = text_layer_quality.assess(_lines(PROSE) + _lines("invisible", hidden=True), picture_cover=0.0)
    assert [line.text for line in layer.lines] == [PROSE] and layer.is_trusted


def test_invisible_text_over_a_scan_is_an_ocr_layer_in_question() -> None:
    layer = text_layer_quality.assess(_lines(PROSE, hidden=True), picture_cover=0.9)
    assert layer.is_ocr and layer.open_question == OpenQuestion.AGREEMENT and len(layer.lines) == 1


def test_a_page_number_as_the_only_text_may_not_be_all_that_is_printed() -> None:
    assert text_layer_quality.assess(_lines("- 17 -"), picture_cover=0.9).open_question == OpenQuestion.COVERAGE
    assert text_layer_quality.assess(_lines("- 17 -"), picture_cover=0.0).open_question == OpenQuestion.COVERAGE, (
        "the page may have letters drawn as outlines"
    )


@pytest.mark.parametrize(
    "text",
    [
        "".join(chr(ord(c) + 1) if c.isalpha() else c for c in PROSE),  # each letter is the next one
        "?>9@AJ.D<F@-<>2.@A:0>#3$4,56#" * 20,
        # Vowels replace vowels and consonants replace consonants: the letters are as frequent as in a language.
        PROSE.lower().translate(str.maketrans("aeioubcdfghklmnprstvwy", "eiuaokwrbltspfcnvygmhd")),
    ],
)
def test_text_unlike_any_language_is_in_question(text: str) -> None:
    assert text_layer_quality.assess(_lines(text), picture_cover=0.0).open_question == OpenQuestion.AGREEMENT


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "for (int i = 0; i < n; ++i) { total += values[i] * weights[i]; }  // the weighted sum of all the values",
        "Größenordnungsmäßig überschlägig geschätzt, wäre das Ergebnis möglicherweise früher zu erwarten.",
        "Şehrin güneyindeki küçük köylerde yaşayan insanların çoğu yıllardır aynı işi yapıyordu ve mutluydu.",
        "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím. " * 3,
        "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki. " * 3,
        "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek, ésszel bírván. " * 3,
        "Alla människor är födda fria och lika i värde och rättigheter. De har utrustats med förnuft. " * 3,
        "Semua orang dilahirkan merdeka dan mempunyai martabat dan hak-hak yang sama. Mereka dikaruniai akal. " * 3,
        "Wszystkie dzieci chodziły wtedy do szkoły pieszo, choć droga prowadziła przez las i była długa.",
        "东北电气发展股份有限公司 2018 年第一季度报告全文 公司董事会、监事会及董事",
        "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.",
        "1.10 2.25 3.30 4.45 5.50 6.65 7.70 8.85 9.90 10.15 11.20 12.35 13.40 14.55 15.60 16.75",
    ],
)
def test_code_and_other_languages_are_not_odd(text: str) -> None:
    assert not text_layer_quality.is_odd(text)


BROKEN = ["?>9@AJ.D<F@-<>2.@A:0>#3$4,56#", "7<>;.?:2/>9<F.A897#3*4$56#", "-<>2.B897<>.5:<91#3$4!56#"] * 3


def test_labels_made_of_signs_put_a_page_of_prose_in_question_and_lines_of_code_do_not() -> None:
    prose = _lines(PROSE) * 3
    labels = [TextLine(text=text, box=(0.1, 0.6, 0.4, 0.62)) for text in BROKEN]
    code = [TextLine(text="4 for (var k = i + i; i < 100; k += i)", box=(0.1, 0.6, 0.4, 0.62))] * 2
    assert text_layer_quality.assess(prose + code, picture_cover=0.0).is_trusted
    layer = text_layer_quality.assess(prose + labels, picture_cover=0.0)
    assert layer.open_question == OpenQuestion.AGREEMENT and text_layer_quality.suspicious_lines(layer.lines) == labels


def test_a_picture_on_half_of_the_page_does_not_question_the_text_beside_it() -> None:
    """It is read by itself (pictures/)."""
    assert text_layer_quality.assess(_lines(PROSE), picture_cover=0.45).is_trusted


def test_agreement_ignores_characters_that_ocr_takes_for_each_other() -> None:
    code = "\\tkzDefPoints{0/0/O,3/0/I,4/3/P,6/-3/Q}"
    assert text_layer_quality.agreement(code, "\\tkzDefPoints{Q/Q/0,3/Q/I,4/3/P,6/-3/Q}") == 1


def test_agreement_ignores_order_case_and_spacing() -> None:
    assert text_layer_quality.agreement("Two columns of text", "of text  TWO COLUMNS") > 0.8
    assert text_layer_quality.agreement(PROSE, PROSE[::-1]) < 0.5
    assert text_layer_quality.agreement("", "text") == 0
