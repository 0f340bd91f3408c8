"""Tesseract inside this process, with tesserocr. Starting the program for each page would cost a sixth of the speed."""

from __future__ import annotations

import copy
import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any
from unicodedata import bidirectional, normalize

from PIL import Image as Pillow

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import Image, OcrLine, model_hash
from slimgest_celery.errors import EngineUnavailable
from slimgest_celery.geometry import union
from slimgest_celery.languages import script_of, to_tag

# With one core per worker, Tesseract's own threads only wait for each other.
os.environ.setdefault("OMP_THREAD_LIMIT", "1")

_DATA_FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)
_GAP = 1.2  # heights of a word: Tesseract joins lines of two columns with wider gaps than this to one line
_SPECKS = frozenset("_|~¦‘’'`.,:;°«»")
_SPECK_GAP = 0.5  # heights of a word: after a wider gap, such a character may be dirt
_MAX_LOADED = 4  # instances, of 20 to 100 MB each
_ORIENTATION_ONLY, _AUTO, _SINGLE_COLUMN = 0, 3, 4  # page segmentation modes
_IDEOGRAPHIC = frozenset(("Jpan", "Kore", "Hans", "Hant"))
_WITHOUT_SPACES = _IDEOGRAPHIC | {"Thai", "Laoo", "Khmr", "Mymr", "Tibt"}  # Tesseract would put one between any parts
_NO_SCRIPT = ("", "Common", "Unknown", "Fraktur")
_VARIANTS = ("_vert", "_old", "_latf", "Fraktur", "frk", "osd", "equ")
_LINE_LEVEL, _WORD_LEVEL = "4", "5"  # the first field in Tesseract's table
_MAX_BETWEEN = 8  # characters between two words in the page's text
_DIRECTION_MARKS = dict.fromkeys((0x200E, 0x200F, 0x202A, 0x202B, 0x202C))
_HOW_TO_INSTALL = "Install it, for example `apt-get install tesseract-ocr` and `pip install 'slimgest[tesseract]'`."


class Tesseract:
    """Reads print in the languages whose data are installed; one thread, one image at a time."""

    name = "tesseract"
    batch_size = 1

    def __init__(self, settings: Settings) -> None:
        try:
            import tesserocr
        except ImportError as error:
            raise EngineUnavailable(f"tesserocr is not installed. {_HOW_TO_INSTALL}") from error
        self._folder = find_data(settings.tessdata)
        self._data = installed_data(self._folder)
        self.languages = frozenset(self._data)
        self.version = tesserocr.tesseract_version().split()[1]
        self.model = _model_hash(self._folder, self._data.values())
        self._selected: tuple[str, ...] = ("en",)
        self._loaded = _LoadedApis(self._folder)

    def for_languages(self, tags: Sequence[str]) -> Tesseract:
        """Return an engine that reads these languages and scripts, all of them in `languages`."""
        selected = copy.copy(self)
        selected._selected = tuple(tags)
        return selected

    def detect_script(self, image: Image) -> str | None:
        """Return the script of the text in an image, as in ISO 15924, or None if it is unclear or cannot be detected.

        Takes as long as a third of the reading.
        """
        if not (self._folder / "osd.traineddata").is_file():
            return None
        api = self._loaded.get("osd", _ORIENTATION_ONLY)
        api.SetImage(Pillow.fromarray(image).convert("L"))
        found: dict[str, Any] | None = api.DetectOrientationScript()
        api.Clear()
        return to_tag(found["script_name"]) if found and found["script_name"] not in _NO_SCRIPT else None

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        return [self._read(image) for image in images]

    def warm_up(self, image: Image) -> None:
        self._read(image)

    def _read(self, image: Image) -> list[OcrLine]:
        found = {script_of(tag) for tag in self._selected}
        api = self._loaded.get(
            "+".join(self._data[tag] for tag in self._selected),
            _SINGLE_COLUMN if found <= _IDEOGRAPHIC else _AUTO,  # else it takes their signs for vertical lines
            keeps_spaces=found <= _WITHOUT_SPACES,
        )
        # In grey, as Tesseract recognises lines. In colour, it would search each channel for lines: an eighth of the
        # total time, and worse, because JPEG stores colour at half the resolution, so print on colour is blurred.
        api.SetImage(Pillow.fromarray(image).convert("L"))
        api.Recognize()
        lines = join_parts(parse_table(api.GetTSVText(0)), api.GetUTF8Text())
        api.Clear()
        return [_with_greek_mu(_join_words(piece)) for line in lines for piece in split_line(line)]


class _LoadedApis:
    """A few instances of Tesseract, each with the data of some languages. The one unused for longest is closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._apis: OrderedDict[tuple[str, int], Any] = OrderedDict()

    def get(self, data: str, page_mode: int, keeps_spaces: bool = False) -> Any:
        """Return an instance with these data (`deu+rus`) and this page segmentation mode."""
        import tesserocr

        key = data, page_mode
        if key not in self._apis:
            while len(self._apis) >= _MAX_LOADED:
                self._apis.popitem(last=False)[1].End()
            self._apis[key] = tesserocr.PyTessBaseAPI(path=str(self._folder), lang=data, psm=page_mode)
            self._apis[key].SetVariable("preserve_interword_spaces", "1" if keeps_spaces else "0")
        self._apis.move_to_end(key)
        return self._apis[key]


def parse_table(table: str) -> list[list[OcrLine]]:
    """Return the words of each line, in logical order, of Tesseract's table of tab-separated values."""
    lines: list[list[OcrLine]] = []
    for row in table.split("\n"):
        fields = row.split("\t")
        if fields[0] == _LINE_LEVEL:
            lines.append([])
        elif fields[0] == _WORD_LEVEL and (text := _plain(fields[11]).strip()):
            left, top, width, height = map(int, fields[6:10])
            box = (left, top, left + width, top + height)
            lines[-1].append(OcrLine(text=text, confidence=float(fields[10]) / 100, box=box))
    return [line for line in lines if line]


def join_parts(lines: Sequence[Sequence[OcrLine]], text: str) -> list[list[OcrLine]]:
    """Return the lines with words that have no space between them in the page's text joined, as in Thai and Korean."""
    text, position = _plain(text), 0
    found: list[list[OcrLine]] = []
    for line in lines:
        joined: list[OcrLine] = []
        for word in line:
            start = text.find(word.text, position, position + _MAX_BETWEEN + len(word.text))
            is_part = start >= 0 and not text[position:start].strip(" \n") and start == position
            position = start + len(word.text) if start >= 0 else position
            joined[-1:] = [_join_words([joined[-1], word], "")] if joined and is_part else [*joined[-1:], word]
        found.append(joined)
    return found


def _plain(text: str) -> str:
    """Return composed characters, without marks of direction."""
    return normalize("NFC", text.translate(_DIRECTION_MARKS))


def split_line(line: Sequence[OcrLine]) -> list[list[OcrLine]]:
    """Split the words of a line at gaps too wide for one line. Words of a piece stay in logical order."""
    if not any(bidirectional(character) in ("R", "AL") for word in line for character in word.text):
        return split_at_gaps(line)
    mirrored = [replace(word, box=(-word.box[2], word.box[1], -word.box[0], word.box[3])) for word in line]
    places = {id(word): place for place, word in enumerate(mirrored)}
    pieces = split_at_gaps(sorted(mirrored, key=lambda word: word.box[0]))
    return [[line[place] for place in sorted(places[id(word)] for word in piece)] for piece in pieces]


def split_at_gaps(line: Sequence[OcrLine]) -> list[list[OcrLine]]:
    """Split the words of a line at gaps too wide for one line, such as between columns.

    A speck in such a gap, read as a stroke or a dot, does not make the gap narrower, and is left out.
    """
    usual = median(map(_height, line))
    found: list[list[OcrLine]] = []
    specks: list[OcrLine] = []
    for word in line:
        before = found[-1][-1] if found else word
        gap = word.box[0] - before.box[2]
        if word.text in _SPECKS and gap > _SPECK_GAP * usual:
            specks.append(word)
            continue
        if found and gap <= _GAP * max(_height(word), _height(before), usual):
            found[-1] += [*specks, word]
        else:
            found.append([word])
        specks = []
    return found


def _height(word: OcrLine) -> float:
    return word.box[3] - word.box[1]


def _join_words(words: Sequence[OcrLine], separator: str = " ") -> OcrLine:
    length = sum(len(word.text) for word in words)
    return OcrLine(
        text=separator.join(word.text for word in words),
        confidence=sum(word.confidence * len(word.text) for word in words) / length,
        box=union([word.box for word in words]),
    )


def _with_greek_mu(line: OcrLine) -> OcrLine:
    """Return the line with the letter mu where the Greek data give the micro sign."""
    is_greek = "\u00b5" in line.text and any("\u0370" <= character <= "\u03ff" for character in line.text)
    return replace(line, text=line.text.replace("\u00b5", "\u03bc")) if is_greek else line


def find_data(folder: Path | None = None) -> Path:
    """Return the folder of Tesseract's language data, by default that of the system. Raises `EngineUnavailable`."""
    folders = [folder] if folder else [os.environ.get("TESSDATA_PREFIX"), *_DATA_FOLDERS]
    for place in folders:
        if place and (Path(place) / "eng.traineddata").is_file():
            return Path(place)
    where = f"in SLIMGEST_TESSDATA={folder}" if folder else "on this system"
    raise EngineUnavailable(f"Tesseract's language data (eng.traineddata) was not found {where}. {_HOW_TO_INSTALL}")


def installed_data(folder: Path) -> dict[str, str]:
    """Return the data in a folder: by tag of the language or script, the name that Tesseract uses."""
    found: dict[str, str] = {}
    for path in sorted([*folder.glob("*.traineddata"), *folder.glob("script/*.traineddata")], reverse=True):
        name = str(path.relative_to(folder)).removesuffix(".traineddata")
        with suppress(ValueError):  # osd, equ, and variants such as jpn_vert
            if not name.endswith(_VARIANTS):
                found[to_tag(path.stem)] = name
    return found


def _model_hash(folder: Path, names: Iterable[str]) -> str:
    """Return a hash of the data: all their names and sizes, and the content of the data of English."""
    files = [(name, (folder / f"{name}.traineddata").stat().st_size) for name in sorted(names)]
    return sha256((model_hash(folder / "eng.traineddata") + repr(files)).encode()).hexdigest()
