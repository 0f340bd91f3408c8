"""The JSON schemas of records, as OpenAPI has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from openapi_pydantic import Reference, Schema
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from slimgest_celery.answers import ProblemDocument
from slimgest_celery.errors import all_errors

from .routes import Route

_CODES = "".join(f"\n- `{error.code}`: {error().message}" for error in all_errors())


class Untitled(GenerateJsonSchema):
    """Schemas of fields without titles, which would only repeat their names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Schemas:
    """The schemas of all records that routes answer or take."""

    def __init__(self, found: Iterable[Route]) -> None:
        answered: set[type[BaseModel]] = {ProblemDocument}
        taken: set[type[BaseModel]] = set()
        for route in found:
            for answer in route.description.answers:
                answered |= {type(body) for body in (*answer.bodies, *answer.events.values())}
            if route.description.form:
                taken.add(route.description.form)
        modes: list[tuple[type[BaseModel], Literal["serialization", "validation"]]] = []
        modes += [(model, "serialization") for model in sorted(answered, key=lambda model: model.__name__)]
        modes += [(model, "validation") for model in sorted(taken, key=lambda model: model.__name__)]
        self._refs, schemas = models_json_schema(
            modes, ref_template="#/components/schemas/{model}", schema_generator=Untitled
        )
        self.all: dict[str, Any] = schemas["$defs"]
        for model in taken:
            properties = self.all[model.__name__]["properties"]
            self.all[model.__name__]["properties"] = {name: without_null(kind) for name, kind in properties.items()}
        self.all["Problem"]["properties"]["code"]["description"] += _CODES

    def answer(self, model: type[BaseModel]) -> dict[str, Any]:
        return self._refs[model, "serialization"]

    def form(self, model: type[BaseModel]) -> dict[str, Any]:
        return self._refs[model, "validation"]


def parameters(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """The schemas of a model's fields, by name."""
    found = model.model_json_schema(schema_generator=Untitled)["properties"]
    return {name: without_null(schema) for name, schema in found.items()}


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter or form field that may be absent: in neither can there be a null."""
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    if rest.get("default", True) in (None, []):
        del rest["default"]
    for kind in schema.get("anyOf", ()):
        rest = {**(kind if kind != {"type": "null"} else {}), **rest}
    return rest


def as_schema(schema: dict[str, Any]) -> Schema:
    return Schema.model_validate(schema)


def reference(kind: str, name: str) -> Reference:
    """A reference to a component."""
    return Reference.model_validate({"$ref": f"#/components/{kind}/{name}"})
