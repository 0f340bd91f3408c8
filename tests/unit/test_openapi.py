"""The API's document against its routes, its errors, and the source."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

import api
from api import create_app, openapi
from api.routes import routes
from slimgest_celery.access import make_key
from slimgest_celery.config import Settings
from slimgest_celery.errors import EngineUnavailable, all_errors
from tests.support.stack import ROOT

SOURCES = [path.read_text() for path in Path(str(api.__file__)).parent.glob("*.py")]
KEY, PAIR = make_key("alice")
# Codes that no answer bears: the sentence of this one is what `GET /` shows as a worker's `detail`.
UNTOLD = {EngineUnavailable.code}


def _app(**env: str) -> Flask:
    return create_app(Settings.from_env({"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0", **env}))


@cache
def _document(**env: str) -> dict[str, Any]:
    answer = _app(**env).test_client().get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.get_json())


def _operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): one for path, item in document["paths"].items() for method, one in item.items()}


def test_the_document_is_openapi_3_1() -> None:
    for env in ({}, {"SLIMGEST_API_KEYS": PAIR}):
        OpenAPIV31SpecValidator(_document(**env)).validate()


def test_every_route_is_in_the_document_and_nothing_else_is() -> None:
    app = _app()
    there = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint not in ("docs.asset", "page.asset")  # parts of what a browser shows
    }
    assert set(_operations(_document())) == there


def test_a_route_without_a_description_is_told() -> None:
    app = _app()
    app.add_url_rule("/new", "new", view_func=lambda: "")
    with pytest.raises(LookupError, match="not described"):
        openapi.document(app, keys=False)


def test_every_description_belongs_to_a_route() -> None:
    assert sum(source.count("\n@described(") + source.count("\n@_read\n") for source in SOURCES) == len(
        {operation["operationId"] for operation in _operations(_document()).values()}
    )


def test_every_error_is_named_by_a_route_that_may_answer_it() -> None:
    named = {error.code for route in routes(_app()) for error in route.fails}
    inside = {error.code for route in routes(_app()) for answer in route.description.answers for error in answer.inside}
    everywhere = {error.code for error in openapi.EVERYWHERE} | {"access.key_missing", "access.key_unknown"}
    assert named | inside | everywhere | UNTOLD == {error.code for error in all_errors()}
    told = _document()["components"]["schemas"]["Problem"]["properties"]["code"]["description"]
    assert all(f"`{error.code}`: {error().message}" in told for error in all_errors())


def test_every_operation_is_summarised_and_every_answer_has_an_example() -> None:
    for where, operation in _operations(_document(SLIMGEST_API_KEYS=PAIR)).items():
        assert operation["summary"], where
        for status, answer in operation["responses"].items():
            assert answer["description"], (where, status)
            for media_type, content in answer.get("content", {}).items():
                told = content.get("example") or content.get("examples")
                assert told or content["schema"].get("format") == "binary", (
                    where,
                    media_type,
                )


def test_every_example_is_what_its_schema_says() -> None:
    document = _document()
    for where, operation in _operations(document).items():
        for answer in operation["responses"].values():
            for content in answer.get("content", {}).values():
                schema = {**content["schema"], "components": document["components"]}
                for example in content.get("examples", {}).values():
                    Draft202012Validator(schema).validate(example["value"]), where


def test_every_parameter_that_the_source_reads_is_described() -> None:
    """Query parameters and form fields are read by models in forms.py only, which are what describes them."""
    told = [part["name"].lower() for part in _document()["components"]["parameters"].values()]
    for source in SOURCES:
        read = {name.lower() for name in re.findall(r"request\.headers(?:\.get\(|\[)\"([\w-]+)\"", source)}
        read |= {name.lower() for name in re.findall(r"\"([\w-]+)\" (?:not )?in request\.headers", source)}
        assert read <= {*told, "accept", "authorization", "origin"}  # OpenAPI wants none of these
        if "def _read(model" not in source:
            assert not re.search(r"request\.(args|form|files|values|cookies)\b", source)


def test_every_parameter_has_a_sentence() -> None:
    document = _document()
    for where, operation in _operations(document).items():
        for parameter in operation["parameters"]:
            found = (
                document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
                if "$ref" in parameter
                else parameter
            )
            assert found["description"].endswith("."), (where, found)
    assert all("description" in field for field in document["components"]["schemas"]["Upload"]["properties"].values())


def test_only_a_service_with_keys_asks_for_one_and_not_everywhere() -> None:
    assert "security" not in _document() and "securitySchemes" not in _document()["components"]
    guarded = _document(SLIMGEST_API_KEYS=PAIR)
    assert guarded["security"] == [{"key": []}]
    free = {path for (_, path), one in _operations(guarded).items() if one.get("security") == []}
    assert free == {"/health/live", "/health/ready", "/openapi.json", "/docs"}
    assert all(("401" in one["responses"]) == (path not in free) for (_, path), one in _operations(guarded).items())


def test_what_is_open_answers_without_a_key_and_nothing_else_does() -> None:
    client = _app(SLIMGEST_API_KEYS=PAIR).test_client()
    for path in ("/openapi.json", "/docs", "/docs/docs.js", "/docs/swagger-ui.css", "/health/live"):
        assert client.get(path, buffered=True).status_code == 200, path
    for path in ("/", "/jobs", "/nowhere"):
        assert client.get(path, buffered=True).status_code == 401, path


def test_the_page_of_the_documentation_loads_nothing_from_elsewhere_and_holds_no_script() -> None:
    client = _app().test_client()
    page = client.get("/docs", buffered=True)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    assert "http" not in policy and "unsafe-eval" not in policy
    assert not re.search(r"https?://|<script>|\son\w+=|style=", page.text)
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert client.get(f"/{asset}", buffered=True).status_code == 200, asset
    assert client.get("/docs/oauth2-redirect.html").status_code == 404


def test_the_readme_s_table_of_addresses_is_that_of_the_document() -> None:
    table = (ROOT / "README.md").read_text().partition("| address |")[2].partition("\n\n")[0]
    told = {
        (method.lower(), _path(path))
        for row in table.splitlines()
        for cell in row.split("|")[1:2]
        for methods, path in re.findall(r"((?:`?[A-Z]+`?,? ?)+)(/[^`|?]*)", cell)
        for method in re.findall("[A-Z]+", methods)
    }
    assert told == {(method, _path(path)) for method, path in _operations(_document())}


def _path(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)
