"""OCR engines that do what the colour of a page tells them: `SLIMGEST_ENGINE=tests.support.engines:ByColour`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from celery import current_task
from celery.signals import after_task_publish

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import Image, Line

# A page is drawn in one colour (pdfs.coloured). Green (0, n, 0) reads as "page n"; the others misbehave.
SECONDS_PER_PAGE = "TEST_ENGINE_SECONDS"  # environment: how long a good page takes
READ_LOG = "TEST_ENGINE_LOG"  # environment: a file that takes a line for each good page that is read, its number
ONCE_FOLDER = "TEST_ENGINE_ONCE"  # environment: where "once" is remembered over deaths
WHOLE_WORKER = "TEST_ENGINE_WHOLE_WORKER"  # environment: not only the child ends

KILL = (255, 0, 0)  # ends its worker child, each time
HANG = (0, 0, 255)  # never comes back
RAISE = (255, 255, 0)  # raises
GARBAGE = (255, 0, 255)  # gives numbers that are none
KILL_ONCE = (255, 128, 0)  # ends its worker child the first time
ALLOCATE = (0, 255, 255)  # takes memory without end
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

    def read(self, images: Sequence[Image]) -> list[list[Line]]:
        return [self._read(image) for image in images]

    def _read(self, image: Image) -> list[Line]:
        height, width = image.shape[:2]
        red, green, blue = map(int, image[height // 2, width // 2])
        return self._act((red, green, blue), width, height)

    def _act(self, colour: tuple[int, int, int], width: int, height: int) -> list[Line]:
        if colour == KILL or (colour == KILL_ONCE and _first_time("kill")):
            os.kill(os.getpid(), signal.SIGKILL)
        if colour == HANG:
            time.sleep(3600)
        if colour == RAISE or (colour == RAISE_ONCE and _first_time("raise")):
            raise ValueError("this page makes the engine fail")
        if colour == GARBAGE:
            no_number = Line(text="garbage", confidence=float("nan"), box=(0, 0, float("inf"), -1))
            return [no_number, Line(text="nan", confidence=7, box=(-5, -5, 1e9, 1e9))]
        if colour == ALLOCATE:
            hoard = []
            while True:
                hoard.append(bytearray(os.urandom(1) * (8 << 20)))
        time.sleep(self._seconds)
        if log := os.environ.get(READ_LOG):
            with Path(log).open("a") as file:
                file.write(f"{colour[1]}\n")
        return [Line(text=f"page {colour[1]}", confidence=0.5, box=(0, 0, width / 2, height / 2))]


class Batching(ByColour):
    """Takes four pages at once, as an engine on a GPU would."""

    batch_size = 4


class DiesGivingWay(ByColour):
    """Ends its worker once, when it has sent the rest of a span and not yet acknowledged the span."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        after_task_publish.connect(self._die, sender="slimgest.pages", weak=False)

    def _die(self, **_: object) -> None:
        if current_task.name == "slimgest.pages" and _first_time("gave way"):
            if os.environ.get(WHOLE_WORKER):
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)


class CannotLoad:
    """An engine that is not there."""

    def __init__(self, settings: Settings) -> None:
        raise RuntimeError("its model is missing")


def _first_time(what: str) -> bool:
    try:
        (Path(os.environ[ONCE_FOLDER]) / what).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
