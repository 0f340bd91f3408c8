"""The workers of the service and its capacity."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from slimgest_client.models.record import Record


def _split(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value  # as stored in Redis


class Worker(Record):
    """A worker, as `GET /` shows it."""

    name: str
    device: str
    engine: str
    state: Literal["starting", "idle", "busy", "failed"]
    job_id: str | None = None
    page_number: int | None = None
    languages: Annotated[tuple[str, ...], BeforeValidator(_split)] = Field(
        (), description="The languages and scripts that it reads; empty if its engine does not say."
    )
    detail: str | None = Field(None, description="The reason why the worker failed, or why this engine was selected.")
    storage: str | None = Field(
        None, description="The id of the storage that the worker uses; all workers and the API must have the same."
    )
    device_memory_mb: int | None = Field(
        None, description="The GPU memory that the worker uses, in MB, measured after its last task."
    )
    memory_mb: int | None = Field(
        None, description="The main memory that the worker uses, in MB, measured after its last task."
    )
    busy_seconds: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="The time spent on tasks since the worker loaded its engine, in seconds.",
    )


class Capacity(Record):
    """The work ahead of a job that is sent now, and the speed at which it is read."""

    accepting: bool = Field(description="True if the queue has room for one more job.")
    pending_jobs: int = Field(description="The number of jobs that are accepted and have not ended.")
    limit: int = Field(description="The largest number of pending jobs; further submissions get 429.")
    pages_ahead: int = Field(description="The number of pages of pending jobs that are not read yet.")
    workers: int = Field(description="The number of workers that have loaded their engine.")
    pages_per_second: float | None = Field(
        description="The speed of all these workers together, measured over the last minutes in which they worked."
    )
    estimated_wait_seconds: float | None = Field(
        description="The time until the pages ahead are read, in seconds; a day at most."
    )
    detail: str | None = Field(description="The reason why there is no estimate.")
