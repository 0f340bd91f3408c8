"""The events of a job for users of the client: one class per type, for `match` and for type checkers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from pydantic import Field, TypeAdapter

from slimgest_celery.models.events import CompleteData, ErrorData, PageData, StartData


class JobStarted(StartData):
    """The pages of the PDF are counted, and reading begins."""

    type: Literal["start"] = "start"
    id: str  # pass it as `after` to resume after this event
    last: ClassVar[bool] = False


class PageDone(PageData):
    """One page was read, or failed. `page_text` is its text."""

    type: Literal["page"] = "page"
    id: str
    last: ClassVar[bool] = False


class JobCompleted(CompleteData):
    """The job has a document: it is `completed`, or `partial` if some pages failed. This is the last event."""

    type: Literal["complete"] = "complete"
    id: str
    last: ClassVar[bool] = True


class JobFailed(ErrorData):
    """The job failed, or was cancelled (`code` is `job.cancelled`). This is the last event."""

    type: Literal["error"] = "error"
    id: str
    last: ClassVar[bool] = True


JobEvent = JobStarted | PageDone | JobCompleted | JobFailed
OnEvent = Callable[[JobEvent], object]
EVENT_TYPES = ("start", "page", "complete", "error")
event_adapter: TypeAdapter[JobEvent] = TypeAdapter(Annotated[JobEvent, Field(discriminator="type")])
