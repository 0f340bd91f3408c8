"""The OpenAPI 3.1 document: made from the routes, their descriptions, and the schemas of the records themselves.

openapi-pydantic holds it: typed, and with no say in requests. flask-openapi3, APIFlask and spectree take Flask's own
class over or answer bad requests in words of theirs; apispec holds dictionaries, and knows nothing of pydantic.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from inspect import cleandoc
from typing import Any

from flask import Flask
from openapi_pydantic import (
    Components,
    Info,
    License,
    MediaType,
    OpenAPI,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
    Server,
)

from slimgest_celery.errors import MethodNotAllowed, RouteUnknown, ServiceFailure

from .description import HEADERS, PATH, Description, Errors
from .responses import ALWAYS, header, responses
from .routes import Route, routes
from .schemas import Schemas, as_schema, parameters, reference

EVERYWHERE: Errors = (RouteUnknown, MethodNotAllowed, ServiceFailure)
_CONVERTERS: dict[str, dict[str, Any]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "minimum": 0, "maximum": 10**9 - 1},
    "": {"type": "string", "pattern": "^[^/]+$"},
}
_ABOUT = """PDFs in; text, boxes and confidence out, page by page, live.

Errors are `application/problem+json` after RFC 9457, with a stable `code`, a sentence in `detail`, and `retryable`.
Each address names those that it may answer; the same codes stand in the `error` of jobs and pages that failed (all of
them: schema `Problem`). Anywhere:
"""


def document(flask: Flask, *, keys: bool) -> dict[str, Any]:
    """The document of an application; with `keys`, of one that wants an API key."""
    found = list(routes(flask))
    schemas = Schemas(found)
    paths: dict[str, PathItem] = {}
    for route in found:
        setattr(paths.setdefault(route.path, PathItem()), route.method.lower(), _operation(route, schemas, keys))
    components = Components(
        schemas={name: Schema.model_validate(schema) for name, schema in schemas.all.items()},
        headers={name: header(name) for name in _headers_of(found)},
        parameters={name: _header_parameter(name) for name in _headers_read(found)},
        **({"securitySchemes": {"key": SecurityScheme(type="http", scheme="bearer")}} if keys else {}),
    )
    whole = OpenAPI(
        openapi="3.1.1",
        info=Info(
            title="slimgest",
            version=version("slimgest"),
            description="\n".join([_ABOUT, *(f"- `{error.code}`: {error().message}" for error in EVERYWHERE)]),
            license=License(name="Apache-2.0", identifier="Apache-2.0"),
        ),
        servers=[Server(url="/")],
        paths=paths,
        components=components,
        **({"security": [{"key": []}]} if keys else {}),
    )
    return whole.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _operation(route: Route, schemas: Schemas, keys: bool) -> Operation:
    summary, _, more = cleandoc(route.view.__doc__ or "").partition("\n\n")
    guarded = keys and not route.description.open
    given = {
        "description": more or None,
        "parameters": list(_parameters(route)),
        "requestBody": _body(route.description, schemas),
        "security": [] if keys and not guarded else None,
    }
    return Operation(
        operationId=route.view.__name__,
        tags=[route.rule.endpoint.partition(".")[0]],
        summary=summary.removesuffix(".").replace("`", ""),  # which is no Markdown
        responses=responses(route, schemas, guarded=guarded),
        **{name: value for name, value in given.items() if value is not None},
    )


def _parameters(route: Route) -> Iterator[Parameter | Reference]:
    for kind, name in route.variables:
        says, example = PATH[name]
        yield _parameter("path", name, says, _CONVERTERS[kind], required=True, example=example)
    if route.description.query:
        for name, schema in parameters(route.description.query).items():
            yield _parameter("query", name, schema.pop("description"), schema)
    for name in (*route.description.headers, "X-Request-ID"):
        yield reference("parameters", name)


def _body(description: Description, schemas: Schemas) -> RequestBody | None:
    if description.form is None:
        return None
    files = any(field.annotation is bytes for field in description.form.model_fields.values())
    media_type = "multipart/form-data" if files else "application/x-www-form-urlencoded"
    return RequestBody(
        required=files, content={media_type: MediaType(media_type_schema=as_schema(schemas.form(description.form)))}
    )


def _header_parameter(name: str) -> Parameter:
    about = HEADERS[name]
    schema = {"type": "string"} if about.lenient else about.schema
    # Not as `example`, with which Swagger UI would fill each request.
    return _parameter("header", name, f"{about.says} Such as `{about.example}`.", schema)


def _parameter(place: str, name: str, says: str, schema: dict[str, Any], **more: Any) -> Parameter:
    return Parameter.model_validate({"name": name, "in": place, "description": says, "schema": schema, **more})


def _headers_read(found: list[Route]) -> list[str]:
    return sorted({name for route in found for name in route.description.headers} | {"X-Request-ID"})


def _headers_of(found: list[Route]) -> list[str]:
    answered = {name for route in found for answer in route.description.answers for name in answer.headers}
    return sorted(answered.union(ALWAYS))
