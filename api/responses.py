"""The answers of a route, good and bad, as OpenAPI has them."""

from __future__ import annotations

from typing import Any

from openapi_pydantic import Example, Header, MediaType, Reference, Response
from pydantic import BaseModel

from slimgest_celery.answers import ProblemDocument
from slimgest_celery.errors import KeyMissing, KeyUnknown, QueueFull, SlimgestError
from slimgest_celery.model import Problem

from . import sse
from .description import EVENT_ID, HEADERS, Answer, Errors
from .routes import Route
from .schemas import Schemas, as_schema, reference

ALWAYS = ("X-Request-ID", "Retry-After", "WWW-Authenticate")  # headers that routes need not name
_BINARY = {"type": "string", "format": "binary"}


def responses(route: Route, schemas: Schemas, *, guarded: bool) -> dict[str, Response]:
    """Every answer of a route, by status; `guarded`: it wants an API key."""
    fails = (*route.fails, *((KeyMissing, KeyUnknown) if guarded else ()))
    return {
        **{str(answer.status): _answer(answer, schemas) for answer in route.description.answers},
        **_problems(fails, schemas),
    }


def header(name: str) -> Header:
    """A header of answers."""
    return Header(
        description=HEADERS[name].says,
        example=HEADERS[name].example,
        required=True,
        param_schema=as_schema(HEADERS[name].schema),
    )


def _answer(answer: Answer, schemas: Schemas) -> Response:
    content = {media_type: _other(example) for media_type, example in answer.media.items()}
    if answer.bodies:
        content = {"application/json": _records(answer.bodies, schemas), **content}
    if answer.events:
        content["text/event-stream"] = _events(answer, schemas)
    says = answer.says
    if answer.inside:
        says += " Codes that may stand in an `error`: " + ", ".join(f"`{error.code}`" for error in answer.inside) + "."
    how: dict[str, Any] = {"content": content} if content else {}
    return Response(description=says, headers=_headers(*answer.headers), **how)


def _records(bodies: tuple[BaseModel, ...], schemas: Schemas) -> MediaType:
    refs = [schemas.answer(type(body)) for body in bodies]
    return MediaType(
        media_type_schema=as_schema(refs[0] if len(refs) == 1 else {"oneOf": refs}),
        examples={_name(type(body)): Example(value=body.model_dump(mode="json")) for body in bodies},
    )


def _events(answer: Answer, schemas: Schemas) -> MediaType:
    """The schema is that of each event: before 3.2, OpenAPI has no word for a stream of them."""
    kinds = [_event(kind, schemas.answer(type(data))) for kind, data in answer.events.items()]
    well = {kind: data for kind, data in answer.events.items() if kind != "error"}
    said = "An event of the stream, which ends after `complete` or `error`."
    return MediaType(media_type_schema=as_schema({"oneOf": kinds, "description": said}), example=sse.example(well))


def _event(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    held = {"type": "string", "contentMediaType": "application/json", "contentSchema": data}
    fields = {"event": {"const": kind}, "id": {"type": "string", "pattern": EVENT_ID}, "data": held}
    return {"type": "object", "properties": fields, "required": list(fields)}


def _other(example: Any) -> MediaType:
    """What is no record: an object, a text, or, without an example, bytes."""
    if example is None:
        return MediaType(media_type_schema=as_schema(_BINARY))
    kind = "string" if isinstance(example, str) else "object"
    return MediaType(media_type_schema=as_schema({"type": kind}), example=example)


def _problems(errors: Errors, schemas: Schemas) -> dict[str, Response]:
    """A response for each status, which names the codes that it may bear."""
    by_status: dict[int, list[type[SlimgestError]]] = {}
    for error in dict.fromkeys(errors):
        by_status.setdefault(error.http_status, []).append(error)
    return {str(status): _problem(status, found, schemas) for status, found in sorted(by_status.items())}


def _problem(status: int, errors: list[type[SlimgestError]], schemas: Schemas) -> Response:
    only = {"properties": {"code": {"enum": [error.code for error in errors]}, "status": {"const": status}}}
    content = MediaType(
        media_type_schema=as_schema({"allOf": [schemas.answer(ProblemDocument), only]}),
        examples={
            error.code: Example(value=ProblemDocument.of(Problem.of(error()), status).model_dump(mode="json"))
            for error in errors
        },
    )
    named = [*(["Retry-After"] if QueueFull in errors else []), *(["WWW-Authenticate"] if status == 401 else [])]
    return Response(
        description="\n".join(f"- `{error.code}`: {error().message}" for error in errors),
        headers=_headers(*named),
        content={"application/problem+json": content},
    )


def _headers(*names: str) -> dict[str, Header | Reference]:
    return {name: reference("headers", name) for name in (*names, "X-Request-ID")}


def _name(model: type[BaseModel]) -> str:
    return model.__name__
