"""The files of jobs, in one storage. They are the permanent record of a job: Redis may be lost, these files may not.

storage.id                           the id of this storage, written once
{job_id}/job.json                    the Job, written last at submission: without it there is no job
         source.image                the upload if it is an image, until a worker has made source.pdf of it
         source.pdf                  the upload, or the PDF made of it
         password                    only while the job runs
         plan.json                   the Plan, written by ingest
         pages/000001-000016.jsonl   the Pages of one range, one per line
         images/000001-150.webp      an image of a page, made on request for a viewer
         end.json                    the End, written once
         exports/{time}.pdf          the searchable PDF, made on request; named by the time at which the job ended
                 problem.json        the reason why it could not be made; deleted when it is read
                 password            only while it is made
         deliveries/msg_….json       a delivery of its webhook
"""

from __future__ import annotations

import heapq
import io
import re
import sys
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import IO, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from slimgest_celery.errors import JobUnknown, PageUnknown, StorageUnavailable
from slimgest_celery.models.job import End, Job, Plan
from slimgest_celery.models.page import Page, Source
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.record import Record
from slimgest_celery.models.warning import PageWarning
from slimgest_celery.models.webhooks import Delivery
from slimgest_celery.storage.base import check_storage
from slimgest_celery.storage.object_store import open_storage

_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PDF, _IMAGE = "source.pdf", "source.image"
_PAGE_FILE = re.compile(r"(\d+)-(\d+)\.jsonl$")
# The start of a page's record. Matching it takes a fiftieth of the time of parsing the whole record.
_RECORD_START = re.compile(rb'\{"page_number":(\d+),"status":"(ok|failed)",')

_STORAGE_ID = "storage.id"

R = TypeVar("R", bound=BaseModel)


class PageSummary(BaseModel):
    """A part of a page's record."""

    source: Source | None = None
    text: str = ""
    warnings: list[PageWarning] = []


def _parsed(record: type[R], data: bytes) -> R:
    """Return the record in JSON. Ignore fields that a newer version has added: during an upgrade, both versions run."""
    return record.model_validate_json(data, extra="ignore")


@dataclass(frozen=True, kw_only=True)
class StoredPage:
    """A stored page: a line of JSON, parsed only as far as needed."""

    page_number: int
    status: Literal["ok", "failed"]
    line: bytes

    @classmethod
    def from_line(cls, line: bytes) -> StoredPage:
        start = _RECORD_START.match(line)
        if start and line.endswith(b"}"):
            return cls(page_number=int(start[1]), status="ok" if start[2] == b"ok" else "failed", line=line)
        page = _parsed(Page, line)  # written by another program, or incomplete
        return cls(page_number=page.page_number, status=page.status, line=line)

    @property
    def has_warnings(self) -> bool:
        return b'"warnings":[{' in self.line  # in JSON, quotation marks inside a text are escaped

    def page(self) -> Page:
        """Return the whole record."""
        return _parsed(Page, self.line)

    def summary(self) -> PageSummary:
        """Return a part of the record. Parsing no block takes a tenth of the time and memory."""
        return _parsed(PageSummary, self.line)


class JobFiles:
    """The files of all jobs.

    Job ids become paths without a check: each is a UUID made by jobs/submission.py or checked by the API.
    """

    def __init__(self, url: str) -> None:
        self._storage = open_storage(url)

    def check(self) -> None:
        """Raise `StorageUnavailable` unless files can be created, created only once, and deleted."""
        check_storage(self._storage)

    def free_bytes(self) -> int | None:
        """Return the free space of the storage; None if it has no known limit."""
        return self._storage.free_bytes()

    def storage_id(self) -> str:
        """Return the id of this storage, which the first caller writes: two processes with one id share their files."""
        if (found := self._storage.read(_STORAGE_ID)) is None:
            self._storage.create(_STORAGE_ID, uuid.uuid4().hex.encode())
            found = self._storage.read(_STORAGE_ID) or b""
        return found.decode(errors="replace")

    # Submission

    def create(self, job: Job, source: IO[bytes], password: str | None, *, is_image: bool = False) -> None:
        """Store an upload in chunks, then its record. If this fails, call `delete` to remove the incomplete job."""
        self._storage.upload(self._path(job.job_id, _IMAGE if is_image else _PDF), source)
        if password is not None:
            self._storage.write(self._path(job.job_id, "password"), password.encode())
        self._put(job.job_id, "job.json", job)

    # Reading and writing records

    def job(self, job_id: str) -> Job:
        """Return the job's record. Raises `JobUnknown`."""
        job = self._get(job_id, "job.json", Job)
        if job is None:
            raise JobUnknown
        return job

    def owner(self, job_id: str) -> str | None:
        """Return the owner of the job; None also if there is no such job."""
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
        """Write the end state unless there is one. Return the valid one."""
        created = self._create(job_id, "end.json", end)
        return end if created else self._get(job_id, "end.json", End) or end

    # Deliveries

    def create_delivery(self, job_id: str, delivery: Delivery) -> bool:
        """Write a delivery unless there is one with its id. Return True if it was written."""
        return self._create(job_id, f"deliveries/{delivery.id}.json", delivery)

    def put_delivery(self, job_id: str, delivery: Delivery) -> None:
        self._put(job_id, f"deliveries/{delivery.id}.json", delivery)

    def delivery(self, job_id: str, delivery_id: str) -> Delivery | None:
        return self._get(job_id, f"deliveries/{delivery_id}.json", Delivery)

    def deliveries(self, job_id: str) -> list[Delivery]:
        """Return a job's deliveries, oldest first."""
        names = (path.rpartition("/")[2] for path in self._storage.list_files(self._path(job_id, "deliveries")))
        found = [self.delivery(job_id, name.removesuffix(".json")) for name in names if name.startswith("msg_")]
        return sorted(filter(None, found), key=lambda delivery: delivery.created_at)

    # Pages

    def put_pages(self, job_id: str, pages: list[Page]) -> None:
        """Store pages, in ascending order, in one file. The file appears complete or not at all."""
        name = f"pages/{pages[0].page_number:06}-{pages[-1].page_number:06}.jsonl"
        lines = "".join(page.model_dump_json() + "\n" for page in pages)
        self._storage.write(self._path(job_id, name), lines.encode())

    def pages(self, job_id: str, first: int = 1, last: int = sys.maxsize) -> dict[int, Page]:
        """Return the stored pages from `first` to `last` by number, merged as by `iterate_stored`."""
        found = self.iterate_stored(job_id, first, last)
        return {stored.page_number: stored.page() for stored in found if first <= stored.page_number <= last}

    def iterate_pages(self, job_id: str, first: int = 1, last: int = sys.maxsize) -> Iterator[Page]:
        """Yield the whole records of `iterate_stored`."""
        return (stored.page() for stored in self.iterate_stored(job_id, first, last))

    def iterate_stored(self, job_id: str, first: int = 1, last: int = sys.maxsize) -> Iterator[StoredPage]:
        """Yield the stored pages, in ascending order, of all files with a page from `first` to `last`.

        Only files with the same pages are in memory together. A page that was read twice is yielded once: a good
        record is preferred to a failed one, and a later one to an earlier one.
        """
        return self._merge([file for file in self._page_files(job_id) if file[0] <= last and first <= file[1]])

    def page_texts(self, job_id: str) -> PageTexts:
        """Return the texts of a job's pages, read when they are needed."""
        return PageTexts(lambda: self._page_files(job_id), self._merge)

    def select_pages(self, job_id: str, page_numbers: Collection[int]) -> Iterator[Page]:
        """Yield those of these pages that are stored, in ascending order."""
        wanted = set(page_numbers)
        files = [file for file in self._page_files(job_id) if not wanted.isdisjoint(range(file[0], file[1] + 1))]
        return (stored.page() for stored in self._merge(files) if stored.page_number in wanted)

    def _merge(self, files: list[tuple[int, int, str]]) -> Iterator[StoredPage]:
        for paths in _group_overlapping(files):
            merged = heapq.merge(*(self._stored_pages(path) for path in paths), key=attrgetter("page_number"))
            for _, records in groupby(merged, key=attrgetter("page_number")):
                yield _best(records)

    def page(self, job_id: str, page_number: int) -> Page:
        """Return one stored page. Raises `PageUnknown`."""
        found = self.pages(job_id, page_number, page_number)
        if not found:
            raise PageUnknown
        return found[page_number]

    def delete_pages(self, job_id: str, page_numbers: set[int]) -> None:
        """Delete the records of these pages. Keep the other pages of the same files."""
        for first, last, path in self._page_files(job_id):
            if page_numbers.isdisjoint(range(first, last + 1)):
                continue
            for page in self._stored_pages(path):
                if page.page_number not in page_numbers and first != last:
                    self.put_pages(job_id, [page.page()])
            self._storage.delete(path)

    def reopen(self, job_id: str, password: str | None) -> None:
        """Withdraw a job's end for a retry. The password was deleted at the end: store it again if there is one."""
        if password is not None:
            self._storage.write(self._path(job_id, "password"), password.encode())
        self._storage.delete(self._path(job_id, "end.json"))
        self._storage.delete_folder(self._path(job_id, "exports"))

    def _page_files(self, job_id: str) -> list[tuple[int, int, str]]:
        """Return the first page, the last page and the path of each file of pages, in ascending order."""
        paths = self._storage.list_files(self._path(job_id, "pages"))
        matches = ((_PAGE_FILE.search(path), path) for path in sorted(paths))
        return [(int(match[1]), int(match[2]), path) for match, path in matches if match]

    def _stored_pages(self, path: str) -> Iterator[StoredPage]:
        lines = io.BytesIO(self._storage.read(path) or b"")  # `splitlines` would copy the whole file
        return (StoredPage.from_line(line.rstrip(b"\n")) for line in lines)

    # Images of pages

    def image(self, job_id: str, name: str) -> bytes | None:
        """Return a stored image of a page, or None."""
        return self._storage.read(self._path(job_id, f"images/{name}"))

    def put_image(self, job_id: str, name: str, image: bytes) -> None:
        self._storage.write(self._path(job_id, f"images/{name}"), image)

    # The upload, for workers

    @contextmanager
    def source(self, job_id: str) -> Iterator[Path]:
        """Yield the PDF as a local file, valid inside the context.

        Raises `FileNotFoundError`, also for an image that is not converted yet.
        """
        with self._storage.provide_local(self._path(job_id, _PDF)) as path:
            yield path

    @contextmanager
    def source_image(self, job_id: str) -> Iterator[Path]:
        """Yield an uploaded image that is not converted yet, as `source` does a PDF."""
        with self._storage.provide_local(self._path(job_id, _IMAGE)) as path:
            yield path

    def replace_image(self, job_id: str, pdf: IO[bytes]) -> None:
        """Store the PDF that was made of an image, then delete the image. Safe to repeat."""
        self._storage.upload(self._path(job_id, _PDF), pdf)
        self._storage.delete(self._path(job_id, _IMAGE))

    def password(self, job_id: str) -> str | None:
        secret = self._storage.read(self._path(job_id, "password"))
        return None if secret is None else secret.decode()

    def delete_password(self, job_id: str) -> None:
        self._storage.delete(self._path(job_id, "password"))

    # Searchable PDFs, made on request

    def has_export(self, job_id: str, name: str) -> bool:
        return self._storage.exists(self._path(job_id, f"exports/{name}"))

    def put_export(self, job_id: str, name: str, source: Path) -> None:
        """Store a copy of a file, complete or not at all."""
        with source.open("rb") as content:
            self._storage.upload(self._path(job_id, f"exports/{name}"), content)

    def export_size(self, job_id: str, name: str) -> int | None:
        """Return the size of a stored file in bytes, or None if there is no such file."""
        return self._storage.size(self._path(job_id, f"exports/{name}"))

    def export(self, job_id: str, name: str, start: int = 0) -> Iterator[bytes]:
        """Yield the content of a stored file in chunks, from the byte `start` on."""
        return self._storage.read_chunks(self._path(job_id, f"exports/{name}"), start)

    def put_export_problem(self, job_id: str, problem: Problem) -> None:
        self._put(job_id, "exports/problem.json", problem)

    def pop_export_problem(self, job_id: str) -> Problem | None:
        """Return and delete the reason why there is no export: the next request may try again."""
        problem = self._get(job_id, "exports/problem.json", Problem)
        self._storage.delete(self._path(job_id, "exports/problem.json"))
        return problem

    def put_export_password(self, job_id: str, password: str) -> None:
        self._storage.write(self._path(job_id, "exports/password"), password.encode())

    def export_password(self, job_id: str) -> str | None:
        secret = self._storage.read(self._path(job_id, "exports/password"))
        return None if secret is None else secret.decode()

    def delete_export_password(self, job_id: str) -> None:
        self._storage.delete(self._path(job_id, "exports/password"))

    # Retention

    def job_ids(self) -> list[str]:
        """Return the ids of all jobs in storage, including unfinished submissions. Ignore other folders."""
        return [name for name in self._storage.list_folders() if _JOB_ID.fullmatch(name)]

    def age_s(self, job_id: str, now_s: float) -> float:
        """Return the seconds since the last change of a job's folder; 0 if the storage does not know."""
        modified_s = self._storage.modified_s(self._path(job_id))
        return 0.0 if modified_s is None else max(0.0, now_s - modified_s)

    def delete(self, job_id: str) -> None:
        """Delete all files of a job, if there are any."""
        self._storage.delete_folder(self._path(job_id))

    # Paths and records

    @staticmethod
    def _path(job_id: str, name: str = "") -> str:
        return f"{job_id}/{name}".rstrip("/")

    def _create(self, job_id: str, name: str, record: Record) -> bool:
        """Write a new record and return True. If it exists, return False. Of two calls at once, one succeeds."""
        return self._storage.create(self._path(job_id, name), record.model_dump_json().encode())

    def _get(self, job_id: str, name: str, record: type[R]) -> R | None:
        data = self._storage.read(self._path(job_id, name))
        try:
            return _parsed(record, data) if data else None
        except ValidationError as error:  # incomplete after a power failure
            raise StorageUnavailable(f"The record {name} of job {job_id} cannot be read.") from error

    def _put(self, job_id: str, name: str, record: Record) -> None:
        self._storage.write(self._path(job_id, name), record.model_dump_json().encode(), durable=name == "job.json")


class PageTexts:
    """The texts of a job's pages. In memory are those of the files with one page: of a few pages."""

    def __init__(
        self,
        list_files: Callable[[], list[tuple[int, int, str]]],
        read: Callable[[list[tuple[int, int, str]]], Iterator[StoredPage]],
    ) -> None:
        self._list_files, self._read = list_files, read
        self._files: list[tuple[int, int, str]] = []
        self._texts: dict[int, str] = {}

    def get(self, page_number: int) -> str:
        """Return the text of a page; empty if it is not stored."""
        if page_number not in self._texts:
            self._load(page_number)
        if page_number not in self._texts:  # stored after the files were listed; to list them each time takes too long
            self._files = self._list_files()
            self._load(page_number)
        return self._texts.get(page_number, "")

    def _load(self, page_number: int) -> None:
        files = [file for file in self._files if file[0] <= page_number <= file[1]]
        self._texts = {}  # first: not two files in memory
        self._texts = {page.page_number: page.summary().text for page in self._read(files)}


def _group_overlapping(files: list[tuple[int, int, str]]) -> Iterator[list[str]]:
    """Yield the paths of files in order; files that may contain the same pages are in one group."""
    group: list[str] = []
    end = 0
    for first, last, path in files:
        if group and first > end:
            yield group
            group = []
        group.append(path)
        end = max(end, last)
    if group:
        yield group


def _best(records: Iterator[StoredPage]) -> StoredPage:
    """Return the last good one of several records of a page; the first one if none is good."""
    best = next(records)
    for page in records:
        if page.status == "ok":
            best = page
    return best
