"""A job's files, below one fsspec URL. This is the record: Redis may be lost, these may not.

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
import os
import re
import shutil
import sys
import tempfile
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import IO, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem
from pydantic import ValidationError

from .errors import JobUnknown, PageUnknown, StorageUnavailable
from .model import Delivery, End, Job, Page, Plan, Problem, Record

_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SPAN = re.compile(r"(\d+)-(\d+)\.jsonl$")
_COPY_BYTES = 1 << 20

R = TypeVar("R", bound=Record)


@contextmanager
def _translated() -> Iterator[None]:
    """What a file system raises, but for an absent file, in this project's terms."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageUnavailable(f"The storage for jobs failed: {error.strerror or type(error).__name__}.") from error


class JobFiles:
    """The files of all jobs. Job ids are trusted here: they are UUIDs made by `jobs.py` or checked by the API."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.url_to_fs(url)
        self._local = isinstance(self._fs, LocalFileSystem)

    def check(self) -> None:
        """Raises `StorageUnavailable` unless a file can be written and removed."""
        probe = f"{self._root}/.probe-{uuid.uuid4().hex}"
        self._write(probe, b"slimgest")
        with _translated():
            self._fs.rm_file(probe)

    # Submission

    def create(self, job: Job, source: IO[bytes], password: str | None) -> None:
        """Stores an upload, piece by piece, and then its record. Nothing stays when that fails."""
        try:
            with _translated():
                self._fs.makedirs(self._path(job.job_id, "pages"), exist_ok=True)
                with self._fs.open(self._path(job.job_id, "source.pdf"), "wb") as target:
                    shutil.copyfileobj(source, target, _COPY_BYTES)
                    self._settle(target)
            if password is not None:
                self._write(self._path(job.job_id, "password"), password.encode())
            self._put(job.job_id, "job.json", job)
        except BaseException:
            self.delete(job.job_id)
            raise

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
        with _translated():
            return bool(self._fs.exists(self._path(job_id, "job.json")))

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
        names = (path.rpartition("/")[2] for path in self._listed(self._path(job_id, "deliveries")))
        found = [self.delivery(job_id, name.removesuffix(".json")) for name in names if name.startswith("msg_")]
        return sorted(filter(None, found), key=lambda delivery: delivery.created_at)

    # Pages

    def put_pages(self, job_id: str, pages: list[Page]) -> None:
        """Stores the pages of a span, ascending, in one file that appears whole or not at all."""
        name = f"pages/{pages[0].page_number:06}-{pages[-1].page_number:06}.jsonl"
        lines = "".join(page.model_dump_json() + "\n" for page in pages)
        self._write(self._path(job_id, name), lines.encode())

    def pages(self, job_id: str, first: int = 1, last: int = sys.maxsize) -> dict[int, Page]:
        """The stored pages from `first` to `last`, as `each_page` gives them."""
        found = self.each_page(job_id, first, last)
        return {page.page_number: page for page in found if first <= page.page_number <= last}

    def each_page(self, job_id: str, first: int = 1, last: int = sys.maxsize) -> Iterator[Page]:
        """The stored pages, ascending, of all spans that touch `first` to `last`; one span is in memory at a time.

        A page read twice counts once: a good reading beats a failed one, and a later an earlier one.
        """
        return self._merged([span for span in self._spans(job_id) if span[0] <= last and first <= span[1]])

    def chosen_pages(self, job_id: str, page_numbers: Collection[int]) -> Iterator[Page]:
        """The stored ones of these pages, ascending."""
        wanted = set(page_numbers)
        touching = [span for span in self._spans(job_id) if not wanted.isdisjoint(range(span[0], span[1] + 1))]
        return (page for page in self._merged(touching) if page.page_number in wanted)

    def _merged(self, spans: list[tuple[int, int, str]]) -> Iterator[Page]:
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
                    self.put_pages(job_id, [page])
            with _translated():
                self._fs.rm_file(path)

    def reopen(self, job_id: str, password: str | None) -> None:
        """Takes a job's end back; its password is needed again where there was one."""
        if password is not None:
            self._write(self._path(job_id, "password"), password.encode())
        self._remove(self._path(job_id, "end.json"))
        self._remove_folder(self._path(job_id, "exports"))

    def _spans(self, job_id: str) -> list[tuple[int, int, str]]:
        paths = self._listed(self._path(job_id, "pages"))
        matches = ((_SPAN.search(path), path) for path in sorted(paths))
        return [(int(match[1]), int(match[2]), path) for match, path in matches if match]

    def _span(self, path: str) -> Iterator[Page]:
        return (Page.model_validate_json(line) for line in (self._read(path) or b"").splitlines())

    # Images of pages

    def image(self, job_id: str, name: str) -> bytes | None:
        """A stored image of a page, or None."""
        return self._read(self._path(job_id, f"images/{name}"))

    def put_image(self, job_id: str, name: str, image: bytes) -> None:
        self._write(self._path(job_id, f"images/{name}"), image)

    # The upload, for workers

    @contextmanager
    def source(self, job_id: str) -> Iterator[Path]:
        """The upload as a local file, for as long as the context lasts; raises `FileNotFoundError`."""
        path = self._path(job_id, "source.pdf")
        if self._local:
            Path(path).stat()
            yield Path(path)
            return
        with tempfile.NamedTemporaryFile(prefix="slimgest-", suffix=".pdf") as copy:
            with _translated():
                self._fs.get_file(path, copy.name)
            yield Path(copy.name)

    def password(self, job_id: str) -> str | None:
        secret = self._read(self._path(job_id, "password"))
        return None if secret is None else secret.decode()

    def forget_password(self, job_id: str) -> None:
        self._remove(self._path(job_id, "password"))

    # What is made of the pages on demand

    def has_export(self, job_id: str, name: str) -> bool:
        with _translated():
            return bool(self._fs.exists(self._path(job_id, f"exports/{name}")))

    def put_export(self, job_id: str, name: str, source: Path) -> None:
        """Stores a copy of a file, whole or not at all."""
        path = self._path(job_id, f"exports/{name}")
        draft = f"{path}.{uuid.uuid4().hex}.part" if self._local else path
        with _translated():
            self._fs.makedirs(self._path(job_id, "exports"), exist_ok=True)
            self._fs.put_file(str(source), draft)
            if self._local:
                Path(draft).replace(path)

    def export(self, job_id: str, name: str) -> Iterator[bytes]:
        """The content of a stored file, in pieces."""
        with _translated(), self._fs.open(self._path(job_id, f"exports/{name}"), "rb") as file:
            while piece := file.read(_COPY_BYTES):
                yield piece

    def put_export_problem(self, job_id: str, problem: Problem) -> None:
        self._put(job_id, "exports/problem.json", problem)

    def take_export_problem(self, job_id: str) -> Problem | None:
        """Why there is no export; asked for once, for then it may be tried again."""
        problem = self._get(job_id, "exports/problem.json", Problem)
        self._remove(self._path(job_id, "exports/problem.json"))
        return problem

    def keep_export_password(self, job_id: str, password: str) -> None:
        self._write(self._path(job_id, "exports/password"), password.encode())

    def export_password(self, job_id: str) -> str | None:
        secret = self._read(self._path(job_id, "exports/password"))
        return None if secret is None else secret.decode()

    def forget_export_password(self, job_id: str) -> None:
        self._remove(self._path(job_id, "exports/password"))

    # Retention

    def job_ids(self) -> list[str]:
        """The ids of all jobs in storage, unfinished submissions among them. Other folders are none of our business."""
        with _translated():
            try:
                entries = self._fs.ls(self._root, detail=True, refresh=True)
            except FileNotFoundError:
                return []
        names = (entry["name"].rstrip("/").rpartition("/")[2] for entry in entries if entry["type"] == "directory")
        return [name for name in names if _JOB_ID.fullmatch(name)]

    def age_s(self, job_id: str, now_s: float) -> float:
        """Seconds since a job's folder was last touched; 0 where the storage does not tell."""
        with _translated():
            changed = self._fs.info(self._path(job_id)).get("mtime")
        return max(0.0, now_s - changed) if isinstance(changed, int | float) else 0.0

    def delete(self, job_id: str) -> None:
        """Removes all that is stored of a job; harmless where there is nothing."""
        self._remove_folder(self._path(job_id))

    # One place each for paths, reads and writes

    def _path(self, job_id: str, name: str = "") -> str:
        return f"{self._root}/{job_id}/{name}".rstrip("/")

    def _listed(self, folder: str) -> list[str]:
        """The paths in a folder; none where there is no such folder."""
        with _translated():
            try:
                # A listing that fsspec kept from before would hide what another worker has stored since.
                return list(self._fs.ls(folder, detail=False, refresh=True))
            except FileNotFoundError:
                return []

    def _create(self, job_id: str, name: str, record: Record) -> bool:
        """Writes a record that is not there yet, whole; False where it is. Of two at once, one succeeds."""
        path, data = self._path(job_id, name), record.model_dump_json().encode()
        with _translated():
            try:
                self._create_local(Path(path), data) if self._local else self._fs.pipe_file(path, data, mode="create")
            except FileExistsError:
                return False
        return True

    def _get(self, job_id: str, name: str, record: type[R]) -> R | None:
        data = self._read(self._path(job_id, name))
        try:
            return record.model_validate_json(data) if data else None
        except ValidationError as error:  # torn by a dying machine, or written by another version
            raise StorageUnavailable(f"The record {name} of job {job_id} cannot be read.") from error

    def _put(self, job_id: str, name: str, record: Record) -> None:
        self._write(self._path(job_id, name), record.model_dump_json().encode(), settle=name == "job.json")

    def _read(self, path: str) -> bytes | None:
        with _translated():
            try:
                return bytes(self._fs.cat_file(path))
            except FileNotFoundError:
                return None

    def _remove(self, path: str) -> None:
        with _translated():
            try:
                self._fs.rm_file(path)
            except FileNotFoundError:
                return

    def _remove_folder(self, path: str) -> None:
        with _translated():
            try:
                self._fs.rm(path, recursive=True)
            except FileNotFoundError:
                return

    def _write(self, path: str, data: bytes, settle: bool = False) -> None:
        """Object stores write whole objects; a local file is written beside its place and then moved there.

        With `settle` it outlives a loss of power: worth its milliseconds for what was promised, not for each page.
        """
        with _translated():
            if not self._local:
                self._fs.pipe_file(path, data)
                return
            with self._draft(Path(path), data, settle) as draft:
                draft.replace(path)

    def _create_local(self, target: Path, data: bytes) -> None:
        """Writes a file that is not there, whole; raises `FileExistsError`. Of two at once, one succeeds."""
        with self._draft(target, data, settle=True) as draft:
            target.hardlink_to(draft)

    @contextmanager
    def _draft(self, target: Path, data: bytes, settle: bool) -> Iterator[Path]:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with draft.open("wb") as file:
                file.write(data)
                if settle:
                    self._settle(file)
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    def _settle(self, file: IO[bytes]) -> None:
        if self._local:
            file.flush()
            os.fsync(file.fileno())


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


def _best(readings: Iterator[Page]) -> Page:
    """Of several records of one page, the last that is good, or else the first."""
    best = next(readings)
    for page in readings:
        if page.status == "ok":
            best = page
    return best
