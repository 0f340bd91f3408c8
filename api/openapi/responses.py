"""OpenAPI objects for the responses of a route, successes and errors."""

from __future__ import annotations

from typing import Any

from openapi_pydantic import Example, Header, MediaType, Reference, Response
from pydantic import BaseModel

from api import sse
from api.openapi.describe import EVENT_ID, HEADERS, Errors, ResponseSpec
from api.openapi.routes import Route
from api.openapi.schemas import Schemas, as_schema, reference
from slimgest_celery.errors import KeyMissing, KeyUnknown, RetryLater, SlimgestError
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.responses import ProblemDocument

COMMON_HEADERS = ("X-Request-ID", "Retry-After", "WWW-Authenticate")  # headers that routes do not list
_BINARY = {"type": "string", "format": "binary"}


def build_responses(route: Route, schemas: Schemas, *, guarded: bool) -> dict[str, Response]:
    """Build all responses of a route, by status. A `guarded` route needs an API key."""
    errors = (*route.errors, *((KeyMissing, KeyUnknown) if guarded else ()))
    return {
        **{str(spec.status): _response(spec, schemas) for spec in route.description.responses},
        **_error_responses(errors, schemas),
    }


def build_header(name: str) -> Header:
    """Build a response header."""
    return Header(
        description=HEADERS[name].description,
        example=HEADERS[name].example,
        required=True,
        param_schema=as_schema(HEADERS[name].schema),
    )


def _response(spec: ResponseSpec, schemas: Schemas) -> Response:
    content = {media_type: _plain_content(example) for media_type, example in spec.media.items()}
    if spec.bodies:
        content = {"application/json": _json_content(spec.bodies, schemas), **content}
    if spec.events:
        content["text/event-stream"] = _event_stream_content(spec, schemas)
    description = spec.description
    if spec.error_codes:
        description += (
            " Possible codes in an `error`: " + ", ".join(f"`{error.code}`" for error in spec.error_codes) + "."
        )
    optional: dict[str, Any] = {"content": content} if content else {}
    return Response(description=description, headers=_headers(*spec.headers), **optional)


def _json_content(bodies: tuple[BaseModel, ...], schemas: Schemas) -> MediaType:
    refs = [schemas.response_ref(type(body)) for body in bodies]
    return MediaType(
        media_type_schema=as_schema(refs[0] if len(refs) == 1 else {"oneOf": refs}),
        examples={_name(type(body)): Example(value=body.model_dump(mode="json")) for body in bodies},
    )


def _event_stream_content(spec: ResponseSpec, schemas: Schemas) -> MediaType:
    """Return the schema of one event: OpenAPI before 3.2 cannot describe a stream of events."""
    kinds = [_event_schema(kind, schemas.response_ref(type(data))) for kind, data in spec.events.items()]
    successful = {kind: data for kind, data in spec.events.items() if kind != "error"}
    description = "An event of the stream, which ends after `complete` or `error`."
    return MediaType(
        media_type_schema=as_schema({"oneOf": kinds, "description": description}),
        example=sse.encode_example(successful),
    )


def _event_schema(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    data_schema = {"type": "string", "contentMediaType": "application/json", "contentSchema": data}
    fields = {"event": {"const": kind}, "id": {"type": "string", "pattern": EVENT_ID}, "data": data_schema}
    return {"type": "object", "properties": fields, "required": list(fields)}


def _plain_content(example: Any) -> MediaType:
    """Return the content of a body that is not a record: an object, text, or (without an example) bytes."""
    if example is None:
        return MediaType(media_type_schema=as_schema(_BINARY))
    kind = "string" if isinstance(example, str) else "object"
    return MediaType(media_type_schema=as_schema({"type": kind}), example=example)


def _error_responses(errors: Errors, schemas: Schemas) -> dict[str, Response]:
    """Build one response per status, with all error codes of that status."""
    by_status: dict[int, list[type[SlimgestError]]] = {}
    for error in dict.fromkeys(errors):
        by_status.setdefault(error.http_status, []).append(error)
    return {str(status): _error_response(status, found, schemas) for status, found in sorted(by_status.items())}


def _error_response(status: int, errors: list[type[SlimgestError]], schemas: Schemas) -> Response:
    content = MediaType(
        media_type_schema=as_schema(schemas.problem_ref(status, [error.code for error in errors])),
        examples={
            error.code: Example(
                value=ProblemDocument.from_problem(Problem.from_error(error()), status).model_dump(mode="json")
            )
            for error in errors
        },
    )
    names = [
        *(["Retry-After"] if any(issubclass(error, RetryLater) for error in errors) else []),
        *(["WWW-Authenticate"] if status == 401 else []),
    ]
    return Response(
        description="\n".join(f"- `{error.code}`: {error().message}" for error in errors),
        headers=_headers(*names),
        content={"application/problem+json": content},
    )


def _headers(*names: str) -> dict[str, Header | Reference]:
    return {name: reference("headers", name) for name in (*names, "X-Request-ID")}


def _name(model: type[BaseModel]) -> str:
    return model.__name__
