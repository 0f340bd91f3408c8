"""An engine that reads nothing and takes a given time: the rest is the cost of the service itself."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import Image, OcrLine

PAGE_SECONDS = "BENCH_PAGE_SECONDS"  # environment variable: how long the engine sleeps per page, like a wait for a GPU


class Sleeping:
    """An engine that returns one line of text for every page."""

    name = "sleeping"
    version = "1"
    batch_size = 1

    def __init__(self, settings: Settings) -> None:
        self._page_s = float(os.environ.get(PAGE_SECONDS, "0"))

    def warm_up(self, image: Image) -> None:
        self.read([image])

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        if self._page_s:
            time.sleep(self._page_s * len(images))
        return [[OcrLine(text="read", confidence=1, box=(0, 0, image.shape[1], 9))] for image in images]
