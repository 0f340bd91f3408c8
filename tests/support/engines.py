"""OCR engines whose behaviour depends on the colour of a page: `SLIMGEST_ENGINE=tests.support.engines:ByColour`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from celery import current_task
from celery.signals import after_task_publish

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import Image, OcrLine

# A page has one colour (pdfs.coloured). Green (0, n, 0) is read as "page n"; the other colours cause failures.
SECONDS_PER_PAGE = "TEST_ENGINE_SECONDS"  # environment variable: the time of a good page
READ_LOG = "TEST_ENGINE_LOG"  # environment variable: a file to which the number of each good page is appended, or HANGS
ONCE_FOLDER = "TEST_ENGINE_ONCE"  # environment variable: the folder that records "once" beyond the end of a worker
WHOLE_WORKER = "TEST_ENGINE_WHOLE_WORKER"  # environment variable: if set, the parent is killed too

KILL = (255, 0, 0)  # kills its worker child, each time
HANG = (0, 0, 255)  # never returns
RAISE = (255, 255, 0)  # raises
HANGS = "hangs"
GARBAGE = (255, 0, 255)  # returns invalid numbers
KILL_ONCE = (255, 128, 0)  # kills its worker child the first time
ALLOCATE = (0, 255, 255)  # allocates memory without end
RAISE_ONCE = (255, 255, 128)  # raises the first time


class ByColour:
    """Reads the colour in the middle of a page."""

    name = "by-colour"
    version = "1"
    batch_size = 1

    def __init__(self, settings: Settings) -> None:
        self._seconds = float(os.environ.get(SECONDS_PER_PAGE, "0"))

    def warm_up(self, image: Image) -> None:
        pass

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        return [self._read(image) for image in images]

    def _read(self, image: Image) -> list[OcrLine]:
        height, width = image.shape[:2]
        red, green, blue = map(int, image[height // 2, width // 2])
        return self._act((red, green, blue), width, height)

    def _act(self, colour: tuple[int, int, int], width: int, height: int) -> list[OcrLine]:
        if colour == KILL or (colour == KILL_ONCE and _first_time("kill")):
            os.kill(os.getpid(), signal.SIGKILL)
        if colour == HANG:
            _write_log(HANGS)
            time.sleep(3600)
        if colour == RAISE or (colour == RAISE_ONCE and _first_time("raise")):
            raise ValueError("this page makes the engine fail")
        if colour == GARBAGE:
            invalid = OcrLine(text="garbage", confidence=float("nan"), box=(0, 0, float("inf"), -1))
            return [invalid, OcrLine(text="nan", confidence=7, box=(-5, -5, 1e9, 1e9))]
        if colour == ALLOCATE:
            allocated = []
            while True:
                allocated.append(bytearray(os.urandom(1) * (8 << 20)))
        time.sleep(self._seconds)
        _write_log(str(colour[1]))
        return [OcrLine(text=f"page {colour[1]}", confidence=0.5, box=(0, 0, width / 2, height / 2))]


class Batching(ByColour):
    """Reads four pages at once, like an engine on a GPU."""

    batch_size = 4


class DiesWhileYielding(ByColour):
    """Kills its worker once, after it has sent the rest of a range and before it acknowledges its message."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        after_task_publish.connect(self._die, sender="slimgest.pages", weak=False)

    def _die(self, **_: object) -> None:
        if current_task.name == "slimgest.pages" and _first_time("yielded"):
            if os.environ.get(WHOLE_WORKER):
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)


class CannotLoad:
    """An engine that cannot be loaded."""

    def __init__(self, settings: Settings) -> None:
        raise RuntimeError("its model is missing")


def _write_log(line: str) -> None:
    if log := os.environ.get(READ_LOG):
        with Path(log).open("a") as file:
            file.write(f"{line}\n")


def _first_time(what: str) -> bool:
    try:
        (Path(os.environ[ONCE_FOLDER]) / what).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
