"""Webhook messages, and the attempts to deliver them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slimgest_client.models.problem import Problem
from slimgest_client.models.record import Record, Timestamp


class Attempt(Record):
    """One attempt to deliver a message."""

    started_at: Timestamp
    seconds: float
    http_status: int | None = Field(None, description="The HTTP status of the receiver's answer, if it answered.")
    error: Problem | None = Field(None, description="The reason why the attempt failed.")


class Delivery(Record):
    """A message to a job's `callback_url`, with its delivery attempts."""

    id: str = Field(description="The `webhook-id`; the same in every attempt.")
    state: Literal["pending", "delivered", "failed"] = "pending"
    created_at: Timestamp
    next_attempt_at: Timestamp | None = None
    body: str = Field(description="The JSON message; the same bytes in every attempt.")
    attempts: list[Attempt] = Field([])
