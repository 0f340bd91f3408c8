"""What a client sent to be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import IO

from . import tracing
from .errors import NotAPdf, UploadEmpty
from .model import Job, Options, now

_HEAD_BYTES = 1024


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What a client sent: PDFs, and how to read them."""

    uploads: list[tuple[str, IO[bytes]]]  # file name as shown, seekable content
    options: Options
    password: str | None = None
    owner: str | None = None
    request_id: str | None = None
    callback_url: str | None = field(default=None, repr=False)

    def jobs(self, job_ids: list[str]) -> list[Job]:
        """The records of the jobs that this makes."""
        created_at = now()
        return [
            Job(
                job_id=job_id,
                filename=filename,
                options=self.options,
                created_at=created_at,
                owner=self.owner,
                request_id=self.request_id,
                callback_url=self.callback_url,
                trace=tracing.context(),
            )
            for job_id, (filename, _) in zip(job_ids, self.uploads, strict=True)
        ]

    def fingerprint(self) -> str:
        """A hash of all that makes this submission differ from another."""
        digest = hashlib.sha256(repr((self.options, self.password, self.callback_url)).encode())
        for filename, content in self.uploads:
            digest.update(repr((filename, hashlib.file_digest(content, "sha256").digest())).encode())  # type: ignore[arg-type]
            content.seek(0)
        return digest.hexdigest()

    def check(self) -> None:
        """Raises `UploadEmpty` or `NotAPdf` for what no PDF reader would open."""
        for filename, content in self.uploads:
            _check_head(filename, content)


def _check_head(filename: str, content: IO[bytes]) -> None:
    """PDF readers accept the mark anywhere in the first kilobyte, and so do we."""
    head = content.read(_HEAD_BYTES)
    content.seek(0)
    if not head:
        raise UploadEmpty(f"The uploaded file {filename!r} is empty.")
    if b"%PDF-" not in head:
        raise NotAPdf(f"{filename!r} is not a PDF: it lacks the `%PDF-` mark in its first {_HEAD_BYTES} bytes.")
