"""A long run with mixed jobs, misbehaving clients and random kills: `python -m tests.faults.soak`, or `make soak`.

Two owners use the service: one sends jobs and waits for them, the other misbehaves (misbehaviour.py). The first must
not notice. What must not grow is sampled throughout and compared at the end, when all jobs have been swept: memory of
the API and of the workers, connections to Redis, keys in Redis, files in the storage and in the temporary folder.
Writes docs/soak.md and its plot.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from statistics import linear_regression, median, quantiles

import httpx
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import psutil

from slimgest_celery.api_keys import make_key
from tests.faults.fuzz import mutant, seeds
from tests.faults.misbehaviour import ACTS, Act, Mallory
from tests.support import pdfs
from tests.support.engines import GARBAGE, KILL_ONCE, RAISE
from tests.support.stack import ROOT, Stack, running, wait_for

_RETENTION_S = 30
_SAMPLE_S = 2.0
_KILL_EVERY_S = 20.0
_SLOPE_LIMIT_MB = 60.0  # an hour
_WINDOW = 15  # samples
_ACT_PAUSE_S = 3.0  # at most
_MORE_DESCRIPTORS = 5
# What only the misbehaving owner may get, besides statuses below 500: its page's worker was killed twice.
_EXPECTED_5XX = "503 page.image_late"
_WARM_UP = 0.25  # of the run, not used for the slope: allocators and caches grow at first


@dataclass(frozen=True)
class Sample:
    """The measurements at one moment."""

    seconds: float
    api_mb: float
    workers_mb: float  # all worker processes together
    api_descriptors: int  # open files and sockets, except connections to Redis
    connections: int  # to Redis
    lasting_keys: int  # in Redis, without an expiry time
    stored_files: int
    temporary_files: int


class Soak:
    """The run: three clients, one of each misbehaving kind, one killer, one sampler."""

    def __init__(self, stack: Stack, mallory: Mallory, temporary: Path, seed: int) -> None:
        self.stack, self.mallory, self.temporary = stack, mallory, temporary
        self.rng = random.Random(seed)
        self.ends: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.acts: dict[Act, Counter[str]] = {act: Counter() for act in ACTS}
        self.answer_s: list[float] = []  # of short requests of the owner that behaves
        self.samples: list[Sample] = []
        self.faults: list[str] = []
        self._over = threading.Event()
        self._began_s = time.monotonic()

    def run(self, seconds: float) -> None:
        threads = [threading.Thread(target=self._client, args=(number,)) for number in range(3)]
        threads += [threading.Thread(target=self._misbehave, args=(act,)) for act in ACTS]
        threads += [threading.Thread(target=self._kill), threading.Thread(target=self._sample_now_and_then)]
        for thread in threads:
            thread.start()
        try:
            self._over.wait(seconds)
        finally:  # also after Ctrl-C
            self._over.set()
            for thread in threads:
                thread.join()
        wait_for(lambda: len(self.stack.files.job_ids()) == 0, what="the sweep of the last job", within_s=240)
        self.samples.append(self.sample())

    def sample(self) -> Sample:
        api = [process for _, process in self.stack.apis]
        return Sample(
            seconds=time.monotonic() - self._began_s,
            api_mb=sum(_resident_mb(process.pid) for process in api),
            workers_mb=_resident_mb(self.stack.workers["all"].pid),
            api_descriptors=sum(_count_descriptors(pid) for pid in _with_children(api)),
            connections=len(self.stack.redis.client_list()),
            lasting_keys=self._lasting_keys(),
            stored_files=_count(self.stack.folder / "jobs"),
            temporary_files=_count(self.temporary),
        )

    def _lasting_keys(self) -> int:
        keys = list(self.stack.redis.scan_iter(count=1000))
        with self.stack.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.ttl(key)
            return sum(ttl == -1 for ttl in pipe.execute())

    def _client(self, number: int) -> None:
        valid, rng = seeds(), random.Random(number)
        while not self._over.is_set():
            try:
                answer = self.stack.post("/process-pdf", _some_pdf(rng, valid), mode=rng.choice(["auto", "ocr"]))
            except httpx.HTTPError as error:
                self.faults.append(f"no answer: {type(error).__name__}")
                continue
            if answer.status_code >= 500:
                self.faults.append(f"{answer.status_code} {answer.text[:200]}")
                continue
            body = answer.json()
            self.ends[body["pdfs"][0]["status"] if "pdfs" in body else body["code"]] += 1

    def _misbehave(self, act: Act) -> None:
        rng = random.Random(act.__name__)
        while not self._over.wait(_ACT_PAUSE_S * rng.random()):
            try:
                outcome = act(self.mallory, rng)
            except Exception as error:  # such as a connection that the service has closed
                outcome = type(error).__name__
            self.acts[act][outcome] += 1
            for part in outcome.split(", "):
                if part.startswith("5") and part != _EXPECTED_5XX:
                    self.faults.append(f"{act.__name__}: {outcome}")

    def _kill(self) -> None:
        while not self._over.wait(_KILL_EVERY_S):
            workers = psutil.Process(self.stack.workers["all"].pid).children()
            if not workers:  # both are waiting for their restart
                continue
            worker = self.rng.choice(workers)
            victim = self.rng.choice([worker, *worker.children()])
            victim.kill()
            self.kills["a whole worker" if victim == worker else "a pool child"] += 1

    def _sample_now_and_then(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            self.samples.append(self.sample())
            began_s = time.monotonic()
            try:
                self.stack.get("/jobs?limit=1").raise_for_status()
            except httpx.HTTPError as error:
                self.faults.append(f"GET /jobs: {type(error).__name__}")
            self.answer_s.append(time.monotonic() - began_s)


def _some_pdf(rng: random.Random, valid: list[bytes]) -> bytes:
    kind = rng.randrange(5)
    if kind == 0:
        return pdfs.text_pages([f"Page {number} of a letter." for number in range(rng.randrange(1, 30))])
    if kind == 1:
        return pdfs.numbered(rng.randrange(1, 20))
    if kind == 2:
        return pdfs.coloured([(0, 1, 0), rng.choice([RAISE, GARBAGE, KILL_ONCE]), (0, 3, 0)])
    return mutant(rng.randrange(10**9), 7, valid)


def _with_children(processes: Iterable[subprocess.Popen[bytes]]) -> Iterator[int]:
    for process in processes:
        yield from (each.pid for each in (psutil.Process(process.pid), *psutil.Process(process.pid).children()))


def _count_descriptors(pid: int) -> int:
    """Count the open files and sockets of an API process, without its pool of connections to Redis."""
    process, listening = psutil.Process(pid), _listening(pid)
    outgoing = [each for each in process.net_connections("tcp") if each.raddr and each.laddr.port not in listening]
    return process.num_fds() - len(outgoing)


def _listening(pid: int) -> set[int]:
    return {each.laddr.port for each in psutil.Process(pid).net_connections("tcp") if each.status == "LISTEN"}


def _resident_mb(pid: int) -> float:
    total = 0.0
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            total += process.memory_info().rss / (1 << 20)
        except psutil.NoSuchProcess:  # killed just now
            continue
    return total


def _count(folder: Path) -> int:
    """Count the files below a folder, while other processes delete some."""
    return sum(len(files) for _, _, files in os.walk(folder))


def slope_mb_per_hour(samples: list[Sample], name: str) -> float:
    """Return how fast memory grows after the warm-up: least squares over medians, as each kill is an outlier.

    NaN if the run is shorter than two windows.
    """
    kept = samples[int(len(samples) * _WARM_UP) : -1]
    windows = [kept[at : at + _WINDOW] for at in range(0, len(kept) - _WINDOW + 1, _WINDOW)]
    if len(windows) < 2:
        return math.nan
    middles = [median(s.seconds for s in window) for window in windows]
    return 3600 * linear_regression(middles, [median(getattr(s, name) for s in window) for window in windows]).slope


def _report(soak: Soak, start: Sample, target: Path, note: str) -> list[str]:
    """Write the table and the plot; return the problems found."""
    wrong, minutes = list(soak.faults), soak.samples[-2].seconds / 60
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    ends = ", ".join(f"{count} {end}" for end, count in soak.ends.most_common())
    kills = ", ".join(f"{count} × {what}" for what, count in soak.kills.most_common())
    lines = [
        "# A long run with mixed jobs, misbehaving clients and random kills",
        "",
        f"Written by `make soak` ({datetime.now(UTC):%Y-%m-%d}, {machine}).",
        f"{minutes:.0f} minutes, {soak.ends.total()} jobs of an owner that behaves: {ends}.",
        f"Processes killed during the run: {kills}. Unexpected 5xx answers, or none: {len(soak.faults)}.",
        f"Short requests of this owner took {median(soak.answer_s):.2f} s (median) and "
        f"{quantiles(soak.answer_s, n=100)[98]:.2f} s (99 %).",
        f"The retention of jobs is {_RETENTION_S} s. {note}".rstrip(),
        "",
        "| | at the start | median | at the end | growth an hour |",
        "|---|---|---|---|---|",
    ]
    for field in fields(Sample)[1:]:
        values = [getattr(sample, field.name) for sample in soak.samples]
        growth = f"{slope_mb_per_hour(soak.samples, field.name):+.0f} MB" if field.name.endswith("_mb") else ""
        first, last = getattr(start, field.name), values[-1]
        lines.append(f"| {field.name.replace('_', ' ')} | {first:.0f} | {median(values):.0f} | {last:.0f} | {growth} |")
        if field.name.endswith("_files") and last > first:
            wrong.append(f"{field.name}: {first} at the start, {last} at the end")
        if field.name == "api_descriptors" and last > first + _MORE_DESCRIPTORS:
            wrong.append(f"the API had {first} open descriptors at the start, {last} at the end")
    lines += ["", "At the same time, another owner misbehaved without a pause:", ""]
    lines += ["| a client that … | times | what came back |", "|---|---|---|"]
    for act, outcomes in soak.acts.items():
        came_back = "; ".join(f"{outcome} ({count})" for outcome, count in outcomes.most_common(6))
        lines.append(f"| {act.__doc__} | {outcomes.total()} | {came_back} |")
    lines += ["", "![Memory, connections, keys and files over the run](soak.png)", ""]
    target.write_text("\n".join(lines))
    _plot(soak.samples, target.with_suffix(".png"))
    print("\n".join(lines))
    api = slope_mb_per_hour(soak.samples, "api_mb")
    return wrong + ([f"the API grows by {api:.0f} MB an hour"] if api > _SLOPE_LIMIT_MB else [])


def _plot(samples: list[Sample], target: Path) -> None:
    figure, axes = plt.subplots(2, 4, figsize=(12, 5), sharex=True)
    for axis, field in zip(axes.flat, fields(Sample)[1:], strict=False):
        axis.plot([s.seconds / 60 for s in samples], [getattr(s, field.name) for s in samples], linewidth=1)
        axis.set_title(field.name.replace("_", " "), fontsize=9)
        axis.set_ylim(bottom=0)
    figure.supxlabel("minutes")
    figure.tight_layout()
    figure.savefig(target, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="how long (default 10)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--note", default="", help="a sentence about the machine for the report")
    parser.add_argument("--write", type=Path, default=ROOT / "docs/soak.md")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the stack ends too
    asked.write.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / "tmp"
        temporary.mkdir()
        env = {"TMPDIR": str(temporary), "TEST_ENGINE_ONCE": folder, "TEST_ENGINE_SECONDS": "0.05"}
        limits = {
            "SLIMGEST_PAGE_TIMEOUT": "5",
            "SLIMGEST_MAX_WORKER_MB": "1024",
            "SLIMGEST_RETENTION": str(_RETENTION_S),
            "SLIMGEST_BODY_TIMEOUT": "5",
            "SLIMGEST_OWNER_PENDING_JOBS": "20",
            "SLIMGEST_OWNER_PAGE_IMAGES": "20",
            "SLIMGEST_OWNER_UPLOADS": "8",
            "SLIMGEST_OWNER_REQUESTS_PER_MINUTE": "1500",
        }
        (alice, alices), (mallorys_key, mallorys) = make_key("alice"), make_key("mallory")
        keys = {"SLIMGEST_API_KEYS": f"{alices},{mallorys}"}
        with running(Path(folder), workers=0, beat=True, bearer=alice, **env, **limits, **keys) as stack:
            stack.start_supervised()
            stack.wait_ready(2)
            open_url = stack.start_api(SLIMGEST_API_KEYS="")
            mallory = Mallory(url=stack.url, open_url=open_url, key=mallorys_key, valid=seeds())
            soak = Soak(stack, mallory, temporary, asked.seed)
            start = soak.sample()
            soak.run(60 * asked.minutes)
            wrong = _report(soak, start, asked.write, asked.note)
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
