"""The choice of the engine for each page.

A page is read by the engine for the languages of its job. In `auto`, that is the worker's own engine. If its reading
is suspicious, the page is read again by the engine that knows its script or language, and the better reading stays:

    suspicious reading                                    read again in
    ----------------------------------------------------  ---------------------------------------------------------
    half of the printed lines have no or too little text  the languages of the page's script, which Tesseract detects
    text in a language that the own engine does not read  that language
    little confidence, or mostly vertical lines           the languages of the page's script, if it is another one

Where a script has several languages, a sample is read with some of them, and the language of its text decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slimgest_celery.engines.engine_set import EngineSet
from slimgest_celery.engines.protocol import Image, OcrEngine, OcrLine
from slimgest_celery.languages import data_package, parse_tags, script_name, script_of
from slimgest_celery.models.warning import (
    LANGUAGE_UNSUPPORTED,
    LOW_CONFIDENCE,
    SCRIPT_UNSUPPORTED,
    PageWarning,
    make_warning,
)
from slimgest_celery.reading import orientation
from slimgest_celery.reading.languages.identification import TextLanguage, identify
from slimgest_celery.reading.languages.plausibility import is_unread, with_honest_confidence
from slimgest_celery.reading.orientation import UprightResult

_LOW_CONFIDENCE = 0.7  # mean of the characters of a page; pages that were read well have 0.9 and more
_MIN_LENGTH = 12  # characters; a few letters in a drawing say little about a page
_MIN_CONFIDENCE, _MIN_GAIN = 0.5, 0.15  # of another reading: over an unread page, and over one that was read
_MIN_IDENTIFIED = 40  # characters of a text whose language may lead to another reading


@dataclass(frozen=True, kw_only=True)
class PageReading:
    """The text of a page, the engine that read it, and what may be wrong with it."""

    result: UprightResult
    engine: str
    language: TextLanguage
    warnings: Sequence[PageWarning] = ()


def read_pages(engines: EngineSet, images: Sequence[Image], languages: str) -> list[PageReading]:
    """Read images with the engine for these languages, and suspicious pages again. Raises as the engines do."""
    tags = parse_tags(languages)
    engine = engines.select(tags)
    results = orientation.read_upright(engine, images)
    return [_check(engines, engine, image, result, tags) for image, result in zip(images, results, strict=True)]


def engine_for_text(engines: EngineSet, text: str, languages: str) -> OcrEngine:
    """Return the engine that reads the language of this text, or the one for the job's languages."""
    tags = parse_tags(languages)
    tag = identify(text).tag if not tags else None
    return engines.select([tag] if tag else tags)


def _check(
    engines: EngineSet, engine: OcrEngine, image: Image, result: UprightResult, tags: Sequence[str]
) -> PageReading:
    """Return the reading of a page, or a better one by another engine, with its warnings."""
    first = PageReading(result=result, engine=engine.name, language=identify(_text(result)))
    if _is_unread(result):
        return _read_other_script(engines, image, first, tags)
    own_languages = engines.reads_by_default if engine is engines.default else lambda _tag: True
    tag = first.language.tag
    if tag and len(_text(result)) >= _MIN_IDENTIFIED and not own_languages(tag) and (not tags or tag in tags):
        return _read_language(engines, image, first, tag)
    if not tags and (_is_unsure(result) or orientation.is_mostly_vertical(result.lines)):
        return _read_other_script(engines, image, first, tags)
    return _with_warnings(first)


def _read_language(engines: EngineSet, image: Image, first: PageReading, tag: str) -> PageReading:
    """Read a page again in the language of its text, which the own engine lacks letters of."""
    helper = engines.helper_for([tag])
    second = _read(helper, image) if helper else None
    if second and _score(second) > _LOW_CONFIDENCE and second.language.tag == tag:
        return _with_warnings(second)
    return _with_warnings(first, _language_unsupported(tag))


def _read_other_script(engines: EngineSet, image: Image, first: PageReading, tags: Sequence[str]) -> PageReading:
    """Read a page again in the languages of its script, as far as the job allows; keep the better reading."""
    upright = first.result.transform.apply(image)
    script = engines.detect_script(upright)
    if script is None and not _is_unread(first.result):
        return _with_warnings(first)
    wanted = [tag for tag in tags if script_of(tag) == script] or ([script] if script and not tags else [])
    candidates = [match for tag in wanted for match in engines.helper_languages(tag)]
    if candidates and (script != first.language.script or _is_unread(first.result)):
        second = _read_best(engines, image, candidates)
        if _score(second) > _needed_score(first):
            return _with_warnings(second)
    if _is_unread(first.result):
        return _with_warnings(first, _script_unsupported(script, is_asked_for=not tags or bool(wanted)))
    return _with_warnings(first)


def _read_best(engines: EngineSet, image: Image, candidates: Sequence[str]) -> PageReading:
    """Read a page in the one of these languages that a sample shows, or in several."""
    engine = engines.helper_for(candidates)
    if engine is None:
        raise ValueError("no engine reads these languages")
    if len(candidates) > 1:
        sample = _read(engine, orientation.densest_part(image))
        engine = engines.helper_for([tag for tag in candidates if tag == sample.language.tag]) or engine
    return _read(engine, image)


def _read(engine: OcrEngine, image: Image) -> PageReading:
    (result,) = orientation.read_upright(engine, [image])
    return PageReading(result=result, engine=engine.name, language=identify(_text(result)))


def _with_warnings(reading: PageReading, *warnings: PageWarning) -> PageReading:
    found = list(warnings)
    if not found and _is_unread(reading.result):
        found = [_script_unsupported(None)]
    if not found and _is_unsure(reading.result):
        found = [make_warning(LOW_CONFIDENCE)]
    return PageReading(result=reading.result, engine=reading.engine, language=reading.language, warnings=found)


def _script_unsupported(script: str | None, is_asked_for: bool = True) -> PageWarning:
    if script is None:
        return make_warning(SCRIPT_UNSUPPORTED)
    if not is_asked_for:
        message = f"The page is in a script that is not among the languages of the job: {script_name(script)}."
        return make_warning(SCRIPT_UNSUPPORTED, message, "Add its language to `languages`, or send `languages=auto`.")
    message = f"The page is in a script that no OCR engine of this service reads: {script_name(script)}."
    return make_warning(SCRIPT_UNSUPPORTED, message, _how_to_install(script))


def _language_unsupported(tag: str) -> PageWarning:
    message = f"The engine lacks letters of the language of this page ({tag}): the text is incomplete."
    return make_warning(LANGUAGE_UNSUPPORTED, message, _how_to_install(tag))


def _how_to_install(tag: str) -> str:
    return f"Operator: install Tesseract and its data, such as `apt-get install {data_package(tag)}`."


def _is_unread(result: UprightResult) -> bool:
    return is_unread([*result.lines, *result.unread])


def _is_unsure(result: UprightResult) -> bool:
    return len(_text(result)) >= _MIN_LENGTH and _confidence(result.lines) < _LOW_CONFIDENCE


def _score(reading: PageReading) -> float:
    return 0.0 if _is_unread(reading.result) or not reading.result.lines else _confidence(reading.result.lines)


def _needed_score(first: PageReading) -> float:
    is_worthless = _is_unread(first.result) or orientation.is_mostly_vertical(first.result.lines)
    return _MIN_CONFIDENCE if is_worthless else _score(first) + _MIN_GAIN


def _confidence(lines: Sequence[OcrLine]) -> float:
    """Return the mean confidence of the characters."""
    length = sum(len(line.text) for line in lines)
    honest = with_honest_confidence(lines)
    return sum(len(line.text) * line.confidence for line in honest) / max(1, length)


def _text(result: UprightResult) -> str:
    return "\n".join(line.text for line in result.lines)
