"""The two processes of a sweep, started again where a file ends one of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from threading import Timer

from benchmarks.sweep.results import FileResult, PageResult, SweepOptions
from slimgest_celery.config import Settings
from tests.support.stack import ROOT
from workers.devices import DetectedDevices, plan_workers

PROCESSES = 2
_CRASHED, _LATE = "crashed", "too slow"
_MEMORY_MB, _MEMORY_WITH_ENGINE_MB = 2048, 8192  # address space beyond the libraries; a model needs more


class SweepProcess:
    """A process that reads one file after the other. A new one is started for the file after a crash."""

    def __init__(self, options: SweepOptions) -> None:
        memory_mb = _MEMORY_WITH_ENGINE_MB if options.needs_engine else _MEMORY_MB
        self._arguments = json.dumps(asdict(options)), str(memory_mb), str(os.getpid())
        self.limit_s = options.limit_s
        self._process: subprocess.Popen[str] | None = None
        self._was_used = False

    def sweep(self, path: Path, name: str) -> FileResult:
        """Return the result of a file, also if reading it crashes or takes too long."""
        was_used = self._was_used
        result = self._sweep(path, name)
        if was_used and result.outcome == _CRASHED:  # the files before it may be the cause: they share the memory limit
            return self._sweep(path, name)
        return result

    def _sweep(self, path: Path, name: str) -> FileResult:
        process = self._process or self._start()
        late: list[bool] = []

        def end() -> None:
            late.append(True)
            with suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(process.pid, signal.SIGKILL)

        timer = Timer(self.limit_s, end)
        timer.start()
        try:
            line = _ask(process, path)
        finally:
            timer.cancel()
        if line:
            self._was_used = True
            answer = json.loads(line)
            pages = [PageResult(**page) for page in answer["pages"]]
            return FileResult(file=name, outcome=answer["outcome"], pages=pages)
        process.wait()
        self.close()
        return FileResult(file=name, outcome=_LATE if late else _CRASHED)

    def close(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None
            self._was_used = False

    def _start(self) -> subprocess.Popen[str]:
        environ = {
            **os.environ,
            **plan_workers(Settings(), DetectedDevices(reason="none"))[0].env,
            "PYTHONPATH": str(ROOT),
        }
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sweep.worker", *self._arguments],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # so that `pdftotext` ends with it
        )
        assert process.stdout
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"benchmarks.sweep.worker ended with exit status {process.wait()}")
        return process


def _ask(process: subprocess.Popen[str], path: Path) -> str:
    assert process.stdin and process.stdout
    try:
        process.stdin.write(json.dumps(str(path)) + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        return ""
    return process.stdout.readline()


def sweep(folder: Path, files: Sequence[Path], options: SweepOptions) -> Iterator[FileResult]:
    """Yield the result of each file, in the order of the files."""
    idle: SimpleQueue[SweepProcess] = SimpleQueue()
    processes = [SweepProcess(options) for _ in range(PROCESSES)]
    for process in processes:
        idle.put(process)

    def one(path: Path) -> FileResult:
        process = idle.get()
        try:
            return process.sweep(path, str(path.relative_to(folder)))
        finally:
            idle.put(process)

    try:
        with ThreadPoolExecutor(PROCESSES) as threads:
            yield from threads.map(one, files)
    finally:
        for process in processes:
            process.close()
