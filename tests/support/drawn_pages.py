"""Pages of real prose in many languages, drawn as a scanner would store them: the Declaration of Human Rights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unicodedata import normalize

import gflanguages
from PIL import Image, ImageDraw, ImageFont, features
from rapidfuzz.distance import Levenshtein

LINES = 30
_SIZE = (1240, 1754)  # A4 at 150 dpi
_LEFT, _TOP, _STEP, _TYPE = 100, 90, 52, 25
_NOTO = "/usr/share/fonts/truetype/noto/NotoSerif-Regular.ttf"
_CJK = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"


@dataclass(frozen=True, kw_only=True)
class DrawnLanguage:
    """A language, the font that draws it, and the limit of the error rate of its pages."""

    code: str  # ISO 639-1
    data: str  # the name of Tesseract's language data
    sample: str  # the language in gflanguages
    font: str = _NOTO
    face: int = 0
    max_error: float = 0.02


def _noto(name: str) -> str:
    return f"/usr/share/fonts/truetype/noto/Noto{name}-Regular.ttf"


LANGUAGES = (
    DrawnLanguage(code="de", data="deu", sample="de_Latn"),
    DrawnLanguage(code="fr", data="fra", sample="fr_Latn"),
    DrawnLanguage(code="pl", data="pol", sample="pl_Latn"),
    DrawnLanguage(code="cs", data="ces", sample="cs_Latn"),
    DrawnLanguage(code="tr", data="tur", sample="tr_Latn"),
    DrawnLanguage(code="vi", data="vie", sample="vi_Latn"),
    DrawnLanguage(code="ru", data="rus", sample="ru_Cyrl"),
    DrawnLanguage(code="el", data="ell", sample="el_Grek"),
    DrawnLanguage(code="ar", data="ara", sample="ar_Arab", font=_noto("NaskhArabic"), max_error=0.05),
    DrawnLanguage(code="he", data="heb", sample="he_Hebr", font=_noto("SerifHebrew"), max_error=0.05),
    DrawnLanguage(code="hi", data="hin", sample="hi_Deva", font=_noto("SansDevanagari"), max_error=0.05),
    DrawnLanguage(code="th", data="tha", sample="th_Thai", font=_noto("SansThai"), max_error=0.05),
    DrawnLanguage(code="ja", data="jpn", sample="ja_Jpan", font=_CJK, face=0, max_error=0.05),
    DrawnLanguage(code="ko", data="kor", sample="ko_Kore", font=_CJK, face=1, max_error=0.05),
)


def by_code(code: str) -> DrawnLanguage:
    return next(language for language in LANGUAGES if language.code == code)


def error_rate(found: str, language: DrawnLanguage, count: int = LINES) -> float:
    """Return the character error rate of a text against the lines of a drawn page."""
    texts = (normalize("NFC", " ".join(text.split())) for text in (found, "\n".join(lines_of(language, count))))
    read, truth = texts
    return Levenshtein.distance(read, truth) / len(truth)


def can_draw(language: DrawnLanguage) -> bool:
    """Return True if the font is installed and complex scripts can be shaped."""
    return Path(language.font).exists() and features.check("raqm")


@cache
def lines_of(language: DrawnLanguage, count: int = LINES) -> tuple[str, ...]:
    """Return lines of prose that fit the page."""
    font = ImageFont.truetype(language.font, _TYPE, index=language.face)
    width = _SIZE[0] - 2 * _LEFT
    text = _prose(language)
    words = list(text) if language.code in ("ja", "th") else [f"{word} " for word in text.split()]
    lines, line = [], ""
    for word in words:
        if line and font.getlength(line + word.rstrip()) > width and _may_break(word):
            lines.append(line.strip())
            line = ""
        line += word
    return tuple([*lines, line.strip()][:count])


def draw(language: DrawnLanguage, count: int = LINES) -> Image.Image:
    """Return a page with this many lines."""
    page = Image.new("L", _SIZE, 255)
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(language.font, _TYPE, index=language.face)
    right_to_left = language.code in ("ar", "he")
    for row, line in enumerate(lines_of(language, count)):
        place = (_SIZE[0] - _LEFT if right_to_left else _LEFT, _TOP + _STEP * row)
        pen.text(place, line, fill=0, font=font, anchor="ra" if right_to_left else "la")
    return page


def draw_vertical(language: DrawnLanguage, count: int) -> Image.Image:
    """Return a page with these lines running down the page, from right to left."""
    page = Image.new("L", _SIZE, 255)
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(language.font, _TYPE, index=language.face)
    for column, line in enumerate(lines_of(language, count)):
        pen.text((_SIZE[0] - _LEFT - _STEP * (column + 1), _TOP), line, fill=0, font=font, direction="ttb")
    return page


def _may_break(character: str) -> bool:
    """Return True if a line may begin here: not before a mark above or below a Thai letter, or punctuation."""
    return character.strip(" ") != "" and character[0] not in "ะาำิีึืุูัๅๆ็่้๊๋์ํฺ、。，．）」"


@cache
def _prose(language: DrawnLanguage) -> str:
    sample = gflanguages.LoadLanguages()[language.sample].sample_text
    parts = [sample.specimen_16, sample.specimen_21, sample.specimen_32, sample.specimen_36, sample.specimen_48]
    text = " ".join(" ".join(part.split()) for part in parts)
    return " ".join([text] * 6)
