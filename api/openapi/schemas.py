"""JSON schemas of the records, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Literal

from openapi_pydantic import Reference, Schema
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from api.openapi.routes import Route
from slimgest_celery.errors import all_errors
from slimgest_celery.models.responses import ProblemDocument

_REFERENCE = "#/components/schemas/{model}"
_CODES = "".join(f"\n- `{error.code}`: {error().message}" for error in all_errors())


class UntitledSchema(GenerateJsonSchema):
    """A schema generator without field titles, which would only repeat the field names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Schemas:
    """The schemas of all records in responses and request forms."""

    def __init__(self, routes: Iterable[Route]) -> None:
        returned: set[type[BaseModel]] = {ProblemDocument}
        accepted: set[type[BaseModel]] = set()
        for route in routes:
            for response in route.description.responses:
                returned |= {type(body) for body in (*response.bodies, *response.events.values())}
            if route.description.form:
                accepted.add(route.description.form)
        modes: list[tuple[type[BaseModel], Literal["serialization", "validation"]]] = []
        modes += [(model, "serialization") for model in sorted(returned, key=lambda model: model.__name__)]
        modes += [(model, "validation") for model in sorted(accepted, key=lambda model: model.__name__)]
        self._refs, schemas = models_json_schema(modes, ref_template=_REFERENCE, schema_generator=UntitledSchema)
        self.all: dict[str, Any] = schemas["$defs"]
        for model in accepted:
            properties = self.all[model.__name__]["properties"]
            self.all[model.__name__]["properties"] = {name: without_null(kind) for name, kind in properties.items()}
        self.all["Problem"]["properties"]["code"]["description"] += _CODES
        self._problem = self.all.pop(self._refs[ProblemDocument, "serialization"]["$ref"].rpartition("/")[2])

    def response_ref(self, model: type[BaseModel]) -> dict[str, Any]:
        """Return the reference to the schema of a record in responses."""
        return self._refs[model, "serialization"]

    def problem_ref(self, status: int, codes: Collection[str]) -> dict[str, Any]:
        """Return the reference to the schema of errors with an HTTP status, restricted to these codes.

        One schema per status holds the codes of all routes. Client generators that ignore what is beside a `$ref` still
        see these codes; they drop a response whose schema they must merge from several (`allOf`).
        """
        name = f"Problem{status}"
        if name not in self.all:
            properties = {**self._problem["properties"]}
            properties["status"] = {"type": "integer", "const": status, "description": "The HTTP status."}
            properties["code"] = {**properties["code"], "enum": []}
            rest = {key: value for key, value in self._problem.items() if key != "title"}
            self.all[name] = {**rest, "properties": properties}  # a title would be the name of all these classes
        known = self.all[name]["properties"]["code"]["enum"]
        known += [code for code in codes if code not in known]
        return {"$ref": _REFERENCE.format(model=name), "properties": {"code": {"enum": list(codes)}}}

    def request_ref(self, model: type[BaseModel]) -> dict[str, Any]:
        """Return the reference to the schema of a request form."""
        return self._refs[model, "validation"]


def field_schemas(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """Return the schemas of the fields of a model, by name."""
    schema = model.model_json_schema(ref_template=_REFERENCE, schema_generator=UntitledSchema)
    properties = schema["properties"]
    return {name: without_null(schema) for name, schema in properties.items()}


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an optional parameter or form field. Neither can be null, only absent."""
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    if rest.get("default", True) in (None, []):
        del rest["default"]
    for kind in schema.get("anyOf", ()):
        rest = {**(kind if kind != {"type": "null"} else {}), **rest}
    return rest


def as_schema(schema: dict[str, Any]) -> Schema:
    """Convert a dictionary to a schema object."""
    return Schema.model_validate(schema)


def reference(kind: str, name: str) -> Reference:
    """Return a reference to a component of the document."""
    return Reference.model_validate({"$ref": f"#/components/{kind}/{name}"})
