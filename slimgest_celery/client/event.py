"""The events of a job as a client meets them: one class a type, so that `match` and type checkers tell them apart."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, TypeAdapter

from ..event_models import CompleteData, ErrorData, PageData, StartData


class JobStarted(StartData):
    """The pages of the PDF are counted, and about to be read."""

    type: Literal["start"] = "start"
    id: str  # to go on from, as `after`
    last: ClassVar[bool] = False


class PageDone(PageData):
    """A page was read, or could not be; `page_text` is its text."""

    type: Literal["page"] = "page"
    id: str
    last: ClassVar[bool] = False


class JobCompleted(CompleteData):
    """The job has ended with a document: `completed`, or `partial` where some pages failed. Nothing follows."""

    type: Literal["complete"] = "complete"
    id: str
    last: ClassVar[bool] = True


class JobFailed(ErrorData):
    """The job failed, or was cancelled (`code` is `job.cancelled`). Nothing follows."""

    type: Literal["error"] = "error"
    id: str
    last: ClassVar[bool] = True


JobEvent = JobStarted | PageDone | JobCompleted | JobFailed
KNOWN = ("start", "page", "complete", "error")
typed: TypeAdapter[JobEvent] = TypeAdapter(Annotated[JobEvent, Field(discriminator="type")])
