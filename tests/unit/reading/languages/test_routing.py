"""Each page is read by the engine for its language, and has the warnings that its reading deserves.

Fake engines show which engine reads what; drawn pages are read with the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from slimgest_celery.config import Settings
from slimgest_celery.engines.engine_set import EngineSet
from slimgest_celery.engines.protocol import Image, OcrEngine, OcrLine
from slimgest_celery.engines.rapidocr import RapidOcr
from slimgest_celery.engines.registry import load_helper
from slimgest_celery.languages import script_of
from slimgest_celery.reading.languages import routing
from slimgest_celery.reading.languages.routing import PageReading
from slimgest_celery.reading.page_text import PageText
from tests.support import drawn_pages
from tests.support.drawn_pages import LANGUAGES, by_code, can_draw

BLANK = np.full((400, 600, 3), 255, dtype=np.uint8)
ENGLISH = "All human beings are born free and equal in dignity and rights."
RUSSIAN = "Все люди рождаются свободными и равными в своем достоинстве."
UKRAINIAN = "Всі люди народжуються вільними і рівними у своїй гідності та правах."
VIETNAMESE = "Mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền."


def _line(text: str, confidence: float = 0.95, width: int = 500) -> OcrLine:
    return OcrLine(text=text, confidence=confidence, box=(10, 10, 10 + width, 28))


class Own:
    """An engine for English and German, which reads these lines in every image."""

    name, version, batch_size = "own", "1", 1
    languages = frozenset(("en", "de"))

    def __init__(self, *lines: OcrLine) -> None:
        self.lines, self.count = lines, 0

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        self.count += len(images)
        return [list(self.lines) for _ in images]

    def warm_up(self, image: Image) -> None:
        pass


class Helper:
    """An engine that reads a text in each of its languages, and sees the script of the first."""

    name, version, batch_size, model = "helper", "1", 1, ""

    def __init__(self, texts: dict[str, str], script: str | None, tags: Sequence[str] = (), confidence: float = 0.9):
        self.texts, self.script, self.tags, self.confidence = texts, script, tags, confidence
        self.calls: list[tuple[str, ...]] = []

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(self.texts)

    def for_languages(self, tags: Sequence[str]) -> OcrEngine:
        selected = Helper(self.texts, self.script, tags, self.confidence)
        selected.calls = self.calls
        return selected

    def detect_script(self, image: Image) -> str | None:
        return self.script

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        self.calls.append(tuple(self.tags))
        return [[_line(self.texts[self.tags[-1]], self.confidence)] for _ in images]

    def warm_up(self, image: Image) -> None:
        pass


def _read(own: Own, helper: Helper | None = None, languages: str = "auto") -> PageReading:
    (reading,) = routing.read_pages(EngineSet(own, lambda: helper), [BLANK], languages)
    return reading


def _codes(reading: PageReading) -> list[str]:
    return [warning.code for warning in reading.warnings]


def _text(reading: PageReading) -> str:
    return PageText.from_ocr(reading.result).layout.text


def test_a_page_that_the_own_engine_reads_is_read_once() -> None:
    own, helper = Own(_line(ENGLISH)), Helper({"ru": RUSSIAN}, "Cyrl")
    reading = _read(own, helper)
    assert (reading.engine, reading.language.tag, reading.language.script) == ("own", "en", "Latn")
    assert (own.count, helper.calls, _codes(reading)) == (1, [], [])


@pytest.mark.parametrize("line", [_line(", ."), _line("", confidence=0.0)])
def test_a_page_in_another_script_is_read_by_the_helper(line: OcrLine) -> None:
    reading = _read(Own(line), Helper({"ru": RUSSIAN, "el": "…"}, "Cyrl"))
    assert (reading.engine, reading.language.tag, _text(reading), _codes(reading)) == ("helper", "ru", RUSSIAN, [])


def test_of_several_languages_in_a_script_a_sample_shows_the_right_one() -> None:
    helper = Helper({"ru": RUSSIAN, "uk": UKRAINIAN}, "Cyrl")
    reading = _read(Own(_line(",")), helper)
    assert helper.calls == [("ru", "uk"), ("uk",)]
    assert (reading.language.tag, _text(reading)) == ("uk", UKRAINIAN)


def test_a_page_in_a_language_that_the_own_engine_lacks_letters_of_is_read_by_the_helper() -> None:
    toneless = VIETNAMESE.translate(dict.fromkeys(map(ord, "ọườđềượựìẳềấẩề")))
    reading = _read(Own(_line(toneless)), Helper({"vi": VIETNAMESE}, "Latn"))
    assert (reading.engine, _text(reading), _codes(reading)) == ("helper", VIETNAMESE, [])
    alone = _read(Own(_line(toneless)))
    assert (alone.engine, _codes(alone)) == ("own", ["language.unsupported"])
    assert "tesseract-ocr-vie" in str(alone.warnings[0].hint)


def test_a_reading_without_confidence_does_not_replace_another() -> None:
    reading = _read(Own(_line(",")), Helper({"ru": RUSSIAN}, "Cyrl", confidence=0.4))
    assert (reading.engine, _codes(reading)) == ("own", ["script.unsupported"])
    unsure = Own(_line("a line that may be right or wrong, and no more", 0.6))
    reading = _read(unsure, Helper({"ru": RUSSIAN}, "Cyrl", confidence=0.7))
    assert (reading.engine, _codes(reading)) == ("own", ["text.low_confidence"])


def test_an_unsure_page_in_another_script_is_read_by_the_helper() -> None:
    unsure = Own(_line("a line that may be right or wrong, and no more", 0.6))
    reading = _read(unsure, Helper({"ru": RUSSIAN}, "Cyrl"))
    assert (reading.engine, _codes(reading)) == ("helper", [])


@pytest.mark.parametrize(
    ("helper", "word"),
    [(None, "tesseract-ocr-rus"), (Helper({"el": "…"}, "Cyrl"), "tesseract-ocr-script-cyrl"), (Helper({}, None), "")],
)
def test_a_page_that_nothing_reads_has_a_warning_that_says_what_to_install(helper: Helper | None, word: str) -> None:
    reading = _read(Own(_line(", .")), helper)
    assert (reading.engine, _codes(reading)) == ("own", ["script.unsupported"])
    assert word in str(reading.warnings[0].hint)


def test_named_languages_are_read_by_the_own_engine_if_it_reads_all_of_them() -> None:
    helper = Helper({"de": "…", "ru": RUSSIAN}, "Cyrl")
    own = Own(_line(ENGLISH))
    assert _read(own, helper, "en,de").engine == "own" and helper.calls == []
    assert _read(own, helper, "de,ru").engine == "helper" and helper.calls == [("de", "ru")]
    assert own.count == 1


def test_a_page_in_another_script_than_the_named_ones_has_a_warning_that_says_so() -> None:
    helper = Helper({"ru": RUSSIAN}, "Cyrl")
    reading = _read(Own(_line(", .")), helper, "de")
    assert (_codes(reading), helper.calls) == (["script.unsupported"], [])
    assert "Cyrillic" in reading.warnings[0].message and "languages=auto" in str(reading.warnings[0].hint)


def test_an_engine_that_selects_languages_is_its_own_helper() -> None:
    engines = EngineSet(Helper({"en": ENGLISH, "ru": RUSSIAN}, "Cyrl", ["en"]))
    (reading,) = routing.read_pages(engines, [BLANK], "ru")
    assert reading.language.tag == "ru"
    assert engines.unreadable(["ru", "el"]) == ["el"]


def test_a_text_layer_is_checked_by_the_engine_for_its_language() -> None:
    helper = Helper({"ru": RUSSIAN}, "Cyrl")
    engines = EngineSet(Own(), lambda: helper)
    assert routing.engine_for_text(engines, RUSSIAN, "auto").name == "helper"
    assert routing.engine_for_text(engines, ENGLISH, "auto").name == "own"
    assert routing.engine_for_text(engines, "", "auto").name == "own"


def test_text_of_which_the_engine_is_not_sure_has_a_warning() -> None:
    assert _codes(_read(Own(_line("a line that may be right or wrong", 0.6)))) == ["text.low_confidence"]


def test_a_few_unsure_letters_are_no_reason_for_a_warning() -> None:
    assert _codes(_read(Own(_line("a drawing", 0.6, width=80)))) == []


def test_a_page_without_print_has_no_warning() -> None:
    assert _codes(_read(Own())) == []


# --- Drawn pages and real engines -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rapid() -> RapidOcr:
    return RapidOcr(Settings.from_env({}))


@pytest.fixture(scope="module")
def engines(rapid: RapidOcr) -> EngineSet:
    return EngineSet(rapid, lambda: load_helper(Settings.from_env({})))


@pytest.fixture
def draw(engines: EngineSet) -> Callable[..., Image]:
    """Return a function that draws lines of a language, and skips the test if its font or data are missing."""

    def draw_lines(code: str, lines: int = 4, needs_data: bool = False) -> Image:
        language = by_code(code)
        if not can_draw(language) or (needs_data and code not in engines.languages):
            pytest.skip(f"apt-get install tesseract-ocr-{language.data} fonts-noto-core fonts-noto-cjk")
        return np.asarray(drawn_pages.draw(language, lines).convert("RGB"))[: 80 * lines + 100]

    return draw_lines


def test_rapidocr_knows_its_languages_by_its_character_set(rapid: RapidOcr) -> None:
    assert rapid.languages >= {"en", "de", "fr", "pl", "cs", "tr", "ja", "zh-Hans"}
    assert not rapid.languages & {"ru", "uk", "el", "ar", "he", "hi", "th", "ko", "vi"}
    assert {script_of(tag) for tag in rapid.languages} >= {"Latn", "Jpan", "Hans"}


@pytest.mark.parametrize("code", ["ru", "ar", "he", "hi", "th", "ko"])
def test_a_page_in_a_script_that_the_engine_lacks_has_a_warning(
    rapid: RapidOcr, draw: Callable[..., Image], code: str
) -> None:
    (reading,) = routing.read_pages(EngineSet(rapid), [draw(code)], "auto")
    assert _codes(reading) == ["script.unsupported"]


@pytest.mark.parametrize("code", ["el", "vi"])
def test_a_page_in_a_language_that_the_engine_lacks_letters_of_has_a_warning(
    rapid: RapidOcr, draw: Callable[..., Image], code: str
) -> None:
    (reading,) = routing.read_pages(EngineSet(rapid), [draw(code)], "auto")
    assert _codes(reading) == ["language.unsupported"]


@pytest.mark.parametrize("code", ["de", "pl", "ja"])
def test_a_page_in_a_script_of_the_engine_has_none(rapid: RapidOcr, draw: Callable[..., Image], code: str) -> None:
    (reading,) = routing.read_pages(EngineSet(rapid), [draw(code)], "auto")
    assert (_codes(reading), reading.language.tag) == ([], code)


@pytest.mark.parametrize("code", ["ru", "he"])
def test_a_sideways_page_in_another_script_is_read(engines: EngineSet, draw: Callable[..., Image], code: str) -> None:
    image = np.ascontiguousarray(np.rot90(draw(code, 12, needs_data=True)))
    (reading,) = routing.read_pages(engines, [image], "auto")
    assert (reading.result.transform.turned, reading.language.tag) == (90, code)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_pages_of_prose_are_read_as_well_in_auto_as_with_their_language_named(
    engines: EngineSet, draw: Callable[..., Image], language: drawn_pages.DrawnLanguage
) -> None:
    draw(language.code, needs_data=True)
    image = np.asarray(drawn_pages.draw(language).convert("RGB"))
    (named,) = routing.read_pages(engines, [image], language.code)
    (auto,) = routing.read_pages(engines, [image], "auto")
    errors, errors_auto = (drawn_pages.error_rate(_text(reading), language) for reading in (named, auto))
    print(f"{language.code}: {errors:.4f} with the language named, {errors_auto:.4f} in auto, by {auto.engine}")
    assert errors <= language.max_error and errors_auto <= 1.5 * errors + 0.001
    assert (auto.language.tag, _codes(auto)) == (language.code, [])
