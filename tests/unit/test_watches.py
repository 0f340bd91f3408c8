"""What is done under a watch, and what is not: seen by a watch that says whether it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slimgest_celery import open_jobs, span_reading, spans
from slimgest_celery.files import JobFiles
from tests.support import pdfs
from tests.support.desk import FakeDevice, desk, read_all


class Watchman:
    """Notes of each call whether anybody watched."""

    def __init__(self) -> None:
        self.watching = False
        self.seen: dict[str, set[bool]] = {}

    @contextmanager
    def watch(self, job_id: str, page_numbers: Sequence[int] | None) -> Iterator[None]:
        self.watching = True
        yield
        self.watching = False

    def noting(self, what: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any) -> Any:
            self.seen.setdefault(what, set()).add(self.watching)
            return call(*args)

        return noted


@pytest.mark.parametrize("helpers", [0, 1])
def test_pdfs_are_parsed_under_a_watch_and_fetched_under_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helpers: int
) -> None:
    man = Watchman()
    monkeypatch.setattr(JobFiles, "source", man.noting("fetched", JobFiles.source))
    monkeypatch.setattr(open_jobs, "open_pdf", man.noting("opened", open_jobs.open_pdf))
    monkeypatch.setattr(span_reading, "has_text", man.noting("looked at", span_reading.has_text))
    monkeypatch.setattr(spans, "has_text", man.noting("probed", spans.has_text))
    with desk(tmp_path, FakeDevice(0, batch_size=2), helpers=helpers) as made:
        read_all(replace(made, watch=man.watch), pdfs.numbered(3))
    probed = {"probed": {True}, **({"looked at": {True}} if helpers else {})}
    assert man.seen == {"fetched": {False}, "opened": {True}, **probed}
