"""The bare loops that the service is compared with, each in its own process: `python -m benchmarks.support.bare KIND`.

KIND is `text` (PDFium's text, nothing else), `stock` (`RapidOCR()` with default settings, on one thread), or the name
of an engine: the service's own engine, in a loop that renders a page and reads it. `upright:` before the name adds
orientation detection, as in the service. A loop loads and warms up as a worker does, prints `ready`, and then answers
each line of JSON on standard input with one on standard output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pypdfium2 as pdfium

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import OcrLine
from slimgest_celery.engines.registry import load_engine
from slimgest_celery.reading import orientation
from tests.support.stack import ROOT
from workers.devices import DetectedDevices, plan_workers
from workers.warm_up_page import built_in_page

_UPRIGHT = "upright:"
Image = np.ndarray[Any, np.dtype[np.uint8]]
Read = Callable[[pdfium.PdfPage, float], str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The result of a loop for some pages."""

    seconds: float
    cpu_s: float
    failures: int
    texts: list[str]


class Loop:
    """A handle on the process of a loop."""

    def __init__(self, kind: str) -> None:
        env = {**os.environ, **plan_workers(Settings(), DetectedDevices(reason="none"))[0].env, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "benchmarks.support.bare", kind]
        self._process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def wait_ready(self) -> None:
        self._line()

    def send(self, pdf: Path, pages: Sequence[int], dpi: float = 150) -> None:
        """Start reading these pages, counted from 1."""
        request = {"pdf": str(pdf), "pages": list(pages), "dpi": dpi}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Answer:
        """Wait for the answer to the pages sent."""
        return Answer(**json.loads(self._line()))

    def read(self, pdf: Path, pages: Sequence[int], dpi: float = 150) -> Answer:
        self.send(pdf, pages, dpi)
        return self.answer()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"the bare loop ended with exit status {self._process.wait()}")
        return line


@contextmanager
def loops(kind: str, count: int = 1) -> Iterator[list[Loop]]:
    """Start this many loops and yield them when they are ready."""
    with ExitStack() as exits:
        started = [Loop(kind) for _ in range(count)]
        for loop in started:
            exits.callback(loop.close)
        for loop in started:
            loop.wait_ready()
        yield started


def read_in_parallel(loops: Sequence[Loop], pdf: Path, pages: int, dpi: float = 150) -> Answer:
    """Read all pages, split evenly; the seconds count until the last loop is done."""
    started_s = time.perf_counter()
    for index, loop in enumerate(loops):
        loop.send(pdf, range(1 + index, pages + 1, len(loops)), dpi)
    answers = [loop.answer() for loop in loops]
    return Answer(
        seconds=time.perf_counter() - started_s,
        cpu_s=sum(answer.cpu_s for answer in answers),
        failures=sum(answer.failures for answer in answers),
        texts=[],
    )


# --- In the process of the loop ---------------------------------------------------------------------------------------


def reader(kind: str) -> Read:
    """Return the function that reads a page, warmed up."""
    if kind == "text":
        return lambda page, _dpi: str(page.get_textpage().get_text_range())
    read = _stock() if kind == "stock" else _ours(kind)
    read(built_in_page())
    return lambda page, dpi: read(_rendered(page, dpi))


def _rendered(page: pdfium.PdfPage, dpi: float) -> Image:
    return np.array(page.render(scale=dpi / 72, rev_byteorder=True).to_numpy()[:, :, :3])


def _ours(kind: str) -> Callable[[Image], str]:
    engine = load_engine(Settings.model_validate({"SLIMGEST_ENGINE": kind.removeprefix(_UPRIGHT)}))
    if kind.startswith(_UPRIGHT):
        return lambda image: _text(orientation.read_upright(engine, [image])[0].lines)
    return lambda image: _text(engine.read([image])[0])


def _text(lines: Sequence[OcrLine]) -> str:
    return "\n".join(line.text for line in lines)


def _stock() -> Callable[[Image], str]:
    from rapidocr import RapidOCR

    one = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    ocr: Any = RapidOCR(params={"Global.log_level": "error", **one})
    return lambda image: "\n".join(ocr(np.ascontiguousarray(image[:, :, ::-1])).txts or ())


def read_pages(read: Read, pdf: str, pages: Sequence[int], dpi: float) -> Answer:
    """Read these pages once."""
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    texts, failures = [], 0
    with pdfium.PdfDocument(pdf) as document:
        for number in pages:
            page = document[number - 1]
            try:
                texts.append(read(page, dpi))
            except Exception as error:
                print(f"page {number}: {error}", file=sys.stderr)
                failures += 1
            page.close()
    seconds, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    return Answer(seconds=seconds, cpu_s=cpu_s, failures=failures, texts=texts)


def serve(read: Read, requests: IO[str], answers: IO[str]) -> None:
    """Answer each request until the input ends."""
    print("ready", file=answers, flush=True)
    for line in requests:
        print(json.dumps(read_pages(read, **json.loads(line)).__dict__), file=answers, flush=True)


def main() -> None:
    """Run the command line."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print to standard output
    serve(reader(sys.argv[1]), sys.stdin, answers)


if __name__ == "__main__":
    main()
