"""A job's files, in one storage. This is the record: Redis may be lost, these may not.

{job_id}/job.json                    the Job, written last at submission: without it there is no job
         source.pdf                  the upload
         password                    only while the job runs
         plan.json                   the Plan, written by ingest
         pages/000001-000016.jsonl   the Pages of one span, a line each
          images/000001-150.webp      a page as an image, for those who look
         end.json                    the End; written once
         exports/{moment}.pdf        the searchable PDF of the end at that moment, where somebody asked for it
                 problem.json        why there is none, until that is told
                 password            only while it is made
         deliveries/msg_….json       the Deliveries for its callback
"""

from __future__ import annotations

import heapq
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import IO, Literal, TypeVar

from pydantic import ValidationError

from .errors import JobUnknown, PageUnknown, StorageUnavailable
from .model import Delivery, End, Job, Page, Plan, Problem, Record
from .object_store import open_storage
from .storage import check

_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SPAN = re.compile(r"(\d+)-(\d+)\.jsonl$")
# How a page's record begins: which it is can be told in a fiftieth of the time that reading all of it takes.
_GIST = re.compile(rb'\{"page_number":(\d+),"status":"(ok|failed)",')

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True)
class StoredPage:
    """A page as it is stored, a line of JSON, read as far as is needed."""

    page_number: int
    status: Literal["ok", "failed"]
    line: bytes

    @classmethod
    def of(cls, line: bytes) -> StoredPage:
        known = _GIST.match(line)
        if known and line.endswith(b"}"):
            return cls(page_number=int(known[1]), status="ok" if known[2] == b"ok" else "failed", line=line)
        page = Page.model_validate_json(line)  # written by other hands, or torn
        return cls(page_number=page.page_number, status=page.status, line=line)

    def page(self) -> Page:
        """The whole record."""
        return Page.model_validate_json(self.line)


class JobFiles:
    """The files of all jobs. Job ids are trusted here: they are UUIDs made by `jobs.py` or checked by the API."""

    def __init__(self, url: str) -> None:
        self._storage = open_storage(url)

    def check(self) -> None:
        """Raises `StorageUnavailable` unless files can be written, written once only, and removed."""
        check(self._storage)

    # Submission

    def create(self, job: Job, source: IO[bytes], password: str | None) -> None:
        """Stores an upload, piece by piece, and then its record. When that fails, `delete` removes what there is."""
        self._storage.upload(self._path(job.job_id, "source.pdf"), source)
        if password is not None:
            self._storage.write(self._path(job.job_id, "password"), password.encode())
        self._put(job.job_id, "job.json", job)

    # Reading and writing records

    def job(self, job_id: str) -> Job:
        """The job's record; raises `JobUnknown`."""
        job = self._get(job_id, "job.json", Job)
        if job is None:
            raise JobUnknown
        return job

    def owner(self, job_id: str) -> str | None:
        """Whose job this is; None also where there is none."""
        job = self._get(job_id, "job.json", Job)
        return job.owner if job else None

    def exists(self, job_id: str) -> bool:
        return self._storage.exists(self._path(job_id, "job.json"))

    def plan(self, job_id: str) -> Plan | None:
        return self._get(job_id, "plan.json", Plan)

    def put_plan(self, job_id: str, plan: Plan) -> None:
        self._put(job_id, "plan.json", plan)

    def end(self, job_id: str) -> End | None:
        return self._get(job_id, "end.json", End)

    def put_end(self, job_id: str, end: End) -> End:
        """Writes the end state unless there is one, and returns the one that stands."""
        created = self._create(job_id, "end.json", end)
        return end if created else self._get(job_id, "end.json", End) or end

    # Deliveries

    def create_delivery(self, job_id: str, delivery: Delivery) -> bool:
        """Writes a delivery unless there is one with its id; returns whether there was none."""
        return self._create(job_id, f"deliveries/{delivery.id}.json", delivery)

    def put_delivery(self, job_id: str, delivery: Delivery) -> None:
        self._put(job_id, f"deliveries/{delivery.id}.json", delivery)

    def delivery(self, job_id: str, delivery_id: str) -> Delivery | None:
        return self._get(job_id, f"deliveries/{delivery_id}.json", Delivery)

    def deliveries(self, job_id: str) -> list[Delivery]:
        """A job's deliveries, oldest first."""
        names = (path.rpartition("/")[2] for path in self._storage.listed(self._path(job_id, "deliveries")))
        found = [self.delivery(job_id, name.removesuffix(".json")) for name in names if name.startswith("msg_")]
        return sorted(filter(None, found), key=lambda delivery: delivery.created_at)

    # Pages

    def put_pages(self, job_id: str, pages: list[Page]) -> None:
        """Stores the pages of a span, ascending, in one file that appears whole or not at all."""
        name = f"pages/{pages[0].page_number:06}-{pages[-1].page_number:06}.jsonl"
        lines = "".join(page.model_dump_json() + "\n" for page in pages)
        self._storage.write(self._path(job_id, name), lines.encode())

    def pages(self, job_id: str, first: int = 1, last: int = sys.maxsize) -> dict[int, Page]:
        """The stored pages from `first` to `last`, as `each_page` gives them."""
        found = self.each_page(job_id, first, last)
        return {page.page_number: page for page in found if first <= page.page_number <= last}

    def each_page(self, job_id: str, first: int = 1, last: int = sys.maxsize) -> Iterator[Page]:
        """The pages that `each_stored` gives."""
        return (stored.page() for stored in self.each_stored(job_id, first, last))

    def each_stored(self, job_id: str, first: int = 1, last: int = sys.maxsize) -> Iterator[StoredPage]:
        """The stored pages, ascending, of all spans that touch `first` to `last`; one span is in memory at a time.

        A page read twice counts once: a good reading beats a failed one, and a later an earlier one.
        """
        return self._merged([span for span in self._spans(job_id) if span[0] <= last and first <= span[1]])

    def chosen_pages(self, job_id: str, page_numbers: Collection[int]) -> Iterator[Page]:
        """The stored ones of these pages, ascending."""
        wanted = set(page_numbers)
        touching = [span for span in self._spans(job_id) if not wanted.isdisjoint(range(span[0], span[1] + 1))]
        return (stored.page() for stored in self._merged(touching) if stored.page_number in wanted)

    def _merged(self, spans: list[tuple[int, int, str]]) -> Iterator[StoredPage]:
        for paths in _overlapping(spans):
            merged = heapq.merge(*(self._span(path) for path in paths), key=attrgetter("page_number"))
            for _, readings in groupby(merged, key=attrgetter("page_number")):
                yield _best(readings)

    def page(self, job_id: str, page_number: int) -> Page:
        """One stored page; raises `PageUnknown`."""
        found = self.pages(job_id, page_number, page_number)
        if not found:
            raise PageUnknown
        return found[page_number]

    def forget_pages(self, job_id: str, page_numbers: set[int]) -> None:
        """Removes the records of these pages; those that were stored in the same spans stay."""
        for first, last, path in self._spans(job_id):
            if page_numbers.isdisjoint(range(first, last + 1)):
                continue
            for page in self._span(path):
                if page.page_number not in page_numbers and first != last:
                    self.put_pages(job_id, [page.page()])
            self._storage.remove(path)

    def reopen(self, job_id: str, password: str | None) -> None:
        """Takes a job's end back; its password is needed again where there was one."""
        if password is not None:
            self._storage.write(self._path(job_id, "password"), password.encode())
        self._storage.remove(self._path(job_id, "end.json"))
        self._storage.remove_folder(self._path(job_id, "exports"))

    def _spans(self, job_id: str) -> list[tuple[int, int, str]]:
        paths = self._storage.listed(self._path(job_id, "pages"))
        matches = ((_SPAN.search(path), path) for path in sorted(paths))
        return [(int(match[1]), int(match[2]), path) for match, path in matches if match]

    def _span(self, path: str) -> Iterator[StoredPage]:
        return (StoredPage.of(line) for line in (self._storage.read(path) or b"").splitlines())

    # Images of pages

    def image(self, job_id: str, name: str) -> bytes | None:
        """A stored image of a page, or None."""
        return self._storage.read(self._path(job_id, f"images/{name}"))

    def put_image(self, job_id: str, name: str, image: bytes) -> None:
        self._storage.write(self._path(job_id, f"images/{name}"), image)

    # The upload, for workers

    @contextmanager
    def source(self, job_id: str) -> Iterator[Path]:
        """The upload as a local file, for as long as the context lasts; raises `FileNotFoundError`."""
        with self._storage.local(self._path(job_id, "source.pdf")) as path:
            yield path

    def password(self, job_id: str) -> str | None:
        secret = self._storage.read(self._path(job_id, "password"))
        return None if secret is None else secret.decode()

    def forget_password(self, job_id: str) -> None:
        self._storage.remove(self._path(job_id, "password"))

    # What is made of the pages on demand

    def has_export(self, job_id: str, name: str) -> bool:
        return self._storage.exists(self._path(job_id, f"exports/{name}"))

    def put_export(self, job_id: str, name: str, source: Path) -> None:
        """Stores a copy of a file, whole or not at all."""
        with source.open("rb") as content:
            self._storage.upload(self._path(job_id, f"exports/{name}"), content)

    def export(self, job_id: str, name: str) -> Iterator[bytes]:
        """The content of a stored file, in pieces."""
        return self._storage.pieces(self._path(job_id, f"exports/{name}"))

    def put_export_problem(self, job_id: str, problem: Problem) -> None:
        self._put(job_id, "exports/problem.json", problem)

    def take_export_problem(self, job_id: str) -> Problem | None:
        """Why there is no export; asked for once, for then it may be tried again."""
        problem = self._get(job_id, "exports/problem.json", Problem)
        self._storage.remove(self._path(job_id, "exports/problem.json"))
        return problem

    def keep_export_password(self, job_id: str, password: str) -> None:
        self._storage.write(self._path(job_id, "exports/password"), password.encode())

    def export_password(self, job_id: str) -> str | None:
        secret = self._storage.read(self._path(job_id, "exports/password"))
        return None if secret is None else secret.decode()

    def forget_export_password(self, job_id: str) -> None:
        self._storage.remove(self._path(job_id, "exports/password"))

    # Retention

    def job_ids(self) -> list[str]:
        """The ids of all jobs in storage, unfinished submissions among them. Other folders are none of our business."""
        return [name for name in self._storage.folders() if _JOB_ID.fullmatch(name)]

    def age_s(self, job_id: str, now_s: float) -> float:
        """Seconds since a job's folder was last touched; 0 where the storage does not tell."""
        changed_s = self._storage.changed_s(self._path(job_id))
        return 0.0 if changed_s is None else max(0.0, now_s - changed_s)

    def delete(self, job_id: str) -> None:
        """Removes all that is stored of a job; harmless where there is nothing."""
        self._storage.remove_folder(self._path(job_id))

    # Paths and records

    @staticmethod
    def _path(job_id: str, name: str = "") -> str:
        return f"{job_id}/{name}".rstrip("/")

    def _create(self, job_id: str, name: str, record: Record) -> bool:
        """Writes a record that is not there yet, whole; False where it is. Of two at once, one succeeds."""
        return self._storage.create(self._path(job_id, name), record.model_dump_json().encode())

    def _get(self, job_id: str, name: str, record: type[R]) -> R | None:
        data = self._storage.read(self._path(job_id, name))
        try:
            return record.model_validate_json(data) if data else None
        except ValidationError as error:  # torn by a dying machine, or written by another version
            raise StorageUnavailable(f"The record {name} of job {job_id} cannot be read.") from error

    def _put(self, job_id: str, name: str, record: Record) -> None:
        self._storage.write(self._path(job_id, name), record.model_dump_json().encode(), settle=name == "job.json")


def _overlapping(spans: list[tuple[int, int, str]]) -> Iterator[list[str]]:
    """The paths of spans, in order; those that may hold the same pages together."""
    together: list[str] = []
    end = 0
    for first, last, path in spans:
        if together and first > end:
            yield together
            together = []
        together.append(path)
        end = max(end, last)
    if together:
        yield together


def _best(readings: Iterator[StoredPage]) -> StoredPage:
    """Of several records of one page, the last that is good, or else the first."""
    best = next(readings)
    for page in readings:
        if page.status == "ok":
            best = page
    return best
