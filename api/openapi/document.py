"""The OpenAPI 3.1 document: built from the routes, their descriptions, and the schemas of the records.

openapi-pydantic provides the typed document and does not touch requests. flask-openapi3, APIFlask and spectree replace
Flask's application class or answer invalid requests themselves; apispec uses dictionaries and does not know pydantic.
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

from api.openapi.describe import HEADERS, PATH_PARAMETERS, Description, Errors
from api.openapi.responses import COMMON_HEADERS, build_header, build_responses
from api.openapi.routes import Route, described_routes
from api.openapi.schemas import Schemas, as_schema, field_schemas, reference
from slimgest_celery.errors import (
    HostRefused,
    MethodNotAllowed,
    OriginRefused,
    RouteUnknown,
    ServiceFailure,
    TooManyRequests,
)

COMMON_ERRORS: Errors = (RouteUnknown, MethodNotAllowed, HostRefused, OriginRefused, TooManyRequests, ServiceFailure)
_CONVERTERS: dict[str, dict[str, Any]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "minimum": 0, "maximum": 10**9 - 1},
    "": {"type": "string", "pattern": "^[^/]+$"},
}
_INTRODUCTION = """Extract text, boxes and confidence from PDFs and images, page by page, live.

Errors are `application/problem+json` (RFC 9457), with a stable `code`, a sentence in `detail` that says what happened,
a sentence in `hint` that says what to do, and `retryable`. The `type` leads to the description of the code in
[/docs/errors](/docs/errors). Each endpoint lists its possible errors. The same codes appear in the `error` field of
failed jobs and pages. Every endpoint may return:
"""


def build_document(flask: Flask, *, keys: bool) -> dict[str, Any]:
    """Build the document of an application. With `keys`, clients need an API key."""
    described = list(described_routes(flask))
    schemas = Schemas(described)
    paths: dict[str, PathItem] = {}
    for route in described:
        setattr(paths.setdefault(route.path, PathItem()), route.method.lower(), _operation(route, schemas, keys))
    components = Components(
        schemas={name: Schema.model_validate(schema) for name, schema in schemas.all.items()},
        headers={name: build_header(name) for name in _response_headers(described)},
        parameters={name: _header_parameter(name) for name in _request_headers(described)},
        **({"securitySchemes": {"key": SecurityScheme(type="http", scheme="bearer")}} if keys else {}),
    )
    document = OpenAPI(
        openapi="3.1.1",
        info=Info(
            title="slimgest",
            version=version("slimgest"),
            description="\n".join(
                [_INTRODUCTION, *(f"- `{error.code}`: {error().message}" for error in COMMON_ERRORS)]
            ),
            license=License(name="Apache-2.0", identifier="Apache-2.0"),
        ),
        servers=[Server(url="/")],
        paths=paths,
        components=components,
        **({"security": [{"key": []}]} if keys else {}),
    )
    return document.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _operation(route: Route, schemas: Schemas, keys: bool) -> Operation:
    summary, _, more = cleandoc(route.view.__doc__ or "").partition("\n\n")
    guarded = keys and not route.description.open
    optional = {
        "description": more or None,
        "parameters": list(_parameters(route)),
        "requestBody": _request_body(route.description, schemas),
        "security": [] if keys and not guarded else None,
    }
    return Operation(
        operationId=route.view.__name__,
        tags=[route.rule.endpoint.partition(".")[0]],
        summary=summary.removesuffix(".").replace("`", ""),  # summaries are not Markdown
        responses=build_responses(route, schemas, guarded=guarded),
        **{name: value for name, value in optional.items() if value is not None},
    )


def _parameters(route: Route) -> Iterator[Parameter | Reference]:
    for kind, name in route.variables:
        description, example = PATH_PARAMETERS[name]
        yield _parameter("path", name, description, _CONVERTERS[kind], required=True, example=example)
    if route.description.query:
        for name, schema in field_schemas(route.description.query).items():
            yield _parameter("query", name, schema.pop("description"), schema)
    for name in (*route.description.headers, "X-Request-ID"):
        yield reference("parameters", name)


def _request_body(description: Description, schemas: Schemas) -> RequestBody | None:
    if description.form is None:
        return None
    files = any(field.annotation is bytes for field in description.form.model_fields.values())
    media_type = "multipart/form-data" if files else "application/x-www-form-urlencoded"
    content = {media_type: MediaType(media_type_schema=as_schema(schemas.request_ref(description.form)))}
    if files:  # one of them may be the body itself
        binary = as_schema({"type": "string", "format": "binary"})
        content |= dict.fromkeys(("application/pdf", "image/*"), MediaType(media_type_schema=binary))
    return RequestBody(required=files, content=content)


def _header_parameter(name: str) -> Parameter:
    header = HEADERS[name]
    schema = {"type": "string"} if header.lenient else header.schema
    # Not in the field `example`: Swagger UI would send that value with each request.
    return _parameter("header", name, f"{header.description} Example: `{header.example}`.", schema)


def _parameter(location: str, name: str, description: str, schema: dict[str, Any], **more: Any) -> Parameter:
    return Parameter.model_validate(
        {"name": name, "in": location, "description": description, "schema": schema, **more}
    )


def _request_headers(described: list[Route]) -> list[str]:
    return sorted({name for route in described for name in route.description.headers} | {"X-Request-ID"})


def _response_headers(described: list[Route]) -> list[str]:
    names = {name for route in described for response in route.description.responses for name in response.headers}
    return sorted(names.union(COMMON_HEADERS))
