"""A process that reads pages as a worker child does, in the sandbox or not (SLIMGEST_SANDBOX).

It prints `ready`, and then answers each line of JSON on standard input, such as `{"pdf": "a.pdf", "mode": "text"}`,
with the CPU seconds in which it has opened the PDF, read all pages and stored them. `Reader` is the handle on it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from slimgest_celery.config import Settings
from slimgest_celery.engines.registry import load_engine
from slimgest_celery.models.job import Job, Mode, Options
from slimgest_celery.models.record import now
from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.reading.page_reader import PageReader
from slimgest_celery.sandbox.policy import worker_sandbox
from slimgest_celery.storage.job_files import JobFiles
from tests.support.stack import ROOT
from workers.devices import DetectedDevices, plan_workers
from workers.warm_up_page import built_in_page

_ENGINE = "rapidocr"


class Reader:
    """A handle on the process."""

    def __init__(self, storage: Path, *, sandbox: bool) -> None:
        env = plan_workers(Settings(), DetectedDevices(reason="none"))[0].env
        env = {**os.environ, **env, "PYTHONPATH": str(ROOT), "SLIMGEST_STORAGE_URL": str(storage)}
        env |= {"SLIMGEST_SANDBOX": "on" if sandbox else "off", "SLIMGEST_REDIS_URL": "redis://127.0.0.1:6379/0"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.support.sandboxed"],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def wait_ready(self) -> None:
        self._answer()

    def cpu_s(self, pdf: Path, mode: Mode) -> float:
        """Return the CPU seconds for this PDF."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"pdf": str(pdf), "mode": mode}) + "\n")
        self._process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"the process ended with exit status {self._process.wait()}")
        return line


def read(files: JobFiles, reader: PageReader, pdf: str, mode: str) -> float:
    """Read and store all pages of a PDF as a new job, then delete it. Return the CPU seconds without the deletion."""
    job = Job(job_id=str(uuid.uuid4()), filename="a.pdf", options=Options(mode=Mode(mode)), created_at=now())
    with Path(pdf).open("rb") as upload:
        files.create(job, upload, None)
    began_s = time.process_time()
    with files.source(job.job_id) as source:
        document = open_pdf(source)
        for number in range(1, len(document) + 1):
            pages = reader.read_pages(document, job.options, [number])
            assert pages[0].status == "ok"
            files.put_pages(job.job_id, pages)
        document.close()
    used_s = time.process_time() - began_s
    files.delete(job.job_id)
    return used_s


def main() -> None:
    """Enter the sandbox as a worker child does, load the engine, and answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print to standard output
    settings = Settings.from_env()
    sandbox = worker_sandbox(settings, _ENGINE)
    sandbox.limit_access()
    engine = load_engine(Settings.model_validate({"SLIMGEST_ENGINE": _ENGINE}))
    engine.warm_up(built_in_page())
    sandbox.forbid_programs()
    files = JobFiles(settings.storage_url)
    reader = PageReader(engine=engine, worker="bench", max_pixels=settings.max_page_pixels)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        print(read(files, reader, **request), file=answers, flush=True)


if __name__ == "__main__":
    main()
