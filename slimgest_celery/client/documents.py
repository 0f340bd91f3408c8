"""The document that a client returns: the stored record, with what programs need most often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import PrivateAttr

from slimgest_celery.errors import SlimgestError
from slimgest_celery.models.job import Document, JobStatus
from slimgest_celery.models.page import Page, Paragraph, TableCell
from slimgest_celery.models.problem import Problem

if TYPE_CHECKING:
    from slimgest_celery.client.aio import AsyncClient
    from slimgest_celery.client.sync import Client


class DocumentFailed(SlimgestError):
    """A document, or a page of it, could not be read.

    `problem_code` and `may_retry` are the `code` and `retryable` of the failure, described in docs/errors.md.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message, problem.hint)
        self.problem_code = problem.code
        self.may_retry = problem.retryable


@dataclass(frozen=True, kw_only=True)
class DocumentTable:
    """A table of a document."""

    page_number: int
    cells: tuple[TableCell, ...]
    rows: list[list[str]]  # the text of a merged cell is in its first row and column
    header_rows: int  # the number of rows at the top that are headers


class ReadDocument(Document):
    """A document that a client has fetched."""

    @property
    def text(self) -> str:
        """The text of all pages, with an empty line between two pages."""
        return "\n\n".join(page.text for page in self.pages if page.text)

    @property
    def tables(self) -> list[DocumentTable]:
        """The tables of all pages, in order."""
        return [_table(page, paragraph) for page in self.pages for paragraph in page.paragraphs if paragraph.cells]

    def raise_for_status(self, *, pages: bool = True) -> None:
        """Raise `DocumentFailed` if the job failed or was cancelled, or, with `pages`, if a page failed."""
        problem = self.error if self.status in (JobStatus.FAILED, JobStatus.CANCELLED) else None
        if problem is None and pages:
            problem = next((page.error for page in self.pages if page.error), None)
        if problem is not None:
            raise DocumentFailed(problem)


class SyncDocument(ReadDocument):
    """A document that a `Client` has fetched."""

    _client: Client = PrivateAttr()

    def markdown(self) -> str:
        """Return the document as Markdown. The service makes it: the client must still be open."""
        return self._client.result_as(self.job_id, "md").decode()


class AsyncDocument(ReadDocument):
    """A document that an `AsyncClient` has fetched."""

    _client: AsyncClient = PrivateAttr()

    async def markdown(self) -> str:
        """Return the document as Markdown. The service makes it: the client must still be open."""
        return (await self._client.result_as(self.job_id, "md")).decode()


def _table(page: Page, paragraph: Paragraph) -> DocumentTable:
    cells = tuple(paragraph.cells or ())
    columns = max(cell.column + cell.col_span for cell in cells)
    rows = [[""] * columns for _ in range(max(cell.row + cell.row_span for cell in cells))]
    for cell in cells:
        rows[cell.row][cell.column] = " ".join(page.blocks[index].text for index in cell.blocks)
    header_rows = max((cell.row + cell.row_span for cell in cells if cell.header), default=0)
    return DocumentTable(page_number=page.page_number, cells=cells, rows=rows, header_rows=header_rows)
