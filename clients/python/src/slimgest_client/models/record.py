"""The base of all stored and sent records: frozen pydantic models that reject unknown fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SerializationInfo, WithJsonSchema


class Record(BaseModel):
    """The base of all records: immutable, and without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


Timestamp = Annotated[
    datetime,
    PlainSerializer(lambda t: t.astimezone(UTC).isoformat().replace("+00:00", "Z"), when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),  # RFC 3339 in UTC
]


def _below_root(path: str, info: SerializationInfo) -> str:
    return f"{(info.context or {}).get('root', '')}{path}"


# A path of this service. A proxy may serve it under a path prefix: `model_dump_json(context={"root": prefix})`.
ServicePath = Annotated[str, PlainSerializer(_below_root, return_type=str)]


Fraction = Annotated[float, Field(ge=0, le=1)]
