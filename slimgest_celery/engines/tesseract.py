"""Tesseract, in process by tesserocr (one program start a page costs a sixth of the speed)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from PIL import Image as Pillow

from ..config import Settings
from ..errors import EngineUnavailable
from .protocol import Image, Line, model_hash

# Tesseract's own threads only wait for one another where each worker has one core.
os.environ.setdefault("OMP_THREAD_LIMIT", "1")

_DATA_FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)
_GAP = 1.2  # in heights of words: Tesseract makes one line of two that stand further apart, such as columns'
_SPECKS = frozenset("_|~¦‘’'`.,:;°«»")
_SPECK_GAP = 0.5  # further away from the word before, such a sign may be none
_HOW = "Install it, for example `apt-get install tesseract-ocr` and `pip install 'slimgest[tesseract]'`."


class Tesseract:
    """Reads English print with the language data that the system has; one thread, one image at a time."""

    name = "tesseract"
    batch_size = 1

    def __init__(self, settings: Settings) -> None:
        try:
            import tesserocr
        except ImportError as error:
            raise EngineUnavailable(f"tesserocr is not installed. {_HOW}") from error
        self._tesserocr = tesserocr
        self.version = tesserocr.tesseract_version().split()[1]
        self.model = model_hash(find_data() / "eng.traineddata")
        self._api = tesserocr.PyTessBaseAPI(path=str(find_data()), lang="eng", psm=tesserocr.PSM.AUTO)

    def read(self, images: Sequence[Image]) -> list[list[Line]]:
        return [self._read(image) for image in images]

    def warm_up(self, image: Image) -> None:
        self._read(image)

    def _read(self, image: Image) -> list[Line]:
        # In grey, in which it recognises lines anyway. To find them it would look at each channel by itself: that takes
        # an eighth of the time, and JPEG keeps colour at half the resolution, where print upon colour runs together.
        self._api.SetImage(Pillow.fromarray(image).convert("L"))
        self._api.Recognize()
        words = self._tesserocr.RIL.WORD
        lines: list[list[Line]] = []
        for found in self._tesserocr.iterate_level(self._api.GetIterator(), words):
            box = found.BoundingBox(words)
            text = found.GetUTF8Text(words) if box else None
            if not text or not text.strip():
                continue
            if not lines or found.IsAtBeginningOf(self._tesserocr.RIL.TEXTLINE):
                lines.append([])
            lines[-1].append(Line(text=text.strip(), confidence=found.Confidence(words) / 100, box=tuple(box)))
        self._api.Clear()
        return [_line(piece) for line in lines for piece in pieces(line)]


def pieces(line: Sequence[Line]) -> list[list[Line]]:
    """The words of a line that Tesseract found, divided where a gap is too wide for one line, such as between columns.

    Specks in such a gap, which it reads as a stroke or a dot, do not narrow it; they are left out.
    """
    usual = median(map(_height, line))
    found: list[list[Line]] = []
    specks: list[Line] = []
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


def _height(word: Line) -> float:
    return word.box[3] - word.box[1]


def _line(words: list[Line]) -> Line:
    length = sum(len(word.text) for word in words)
    lefts, tops, rights, bottoms = zip(*(word.box for word in words), strict=True)
    return Line(
        text=" ".join(word.text for word in words),
        confidence=sum(word.confidence * len(word.text) for word in words) / length,
        box=(min(lefts), min(tops), max(rights), max(bottoms)),
    )


def find_data() -> Path:
    """The folder of Tesseract's language data; raises `EngineUnavailable`."""
    for folder in (os.environ.get("TESSDATA_PREFIX"), *_DATA_FOLDERS):
        if folder and (Path(folder) / "eng.traineddata").is_file():
            return Path(folder)
    raise EngineUnavailable(f"Tesseract's language data (eng.traineddata) was not found. {_HOW}")
