"""The OpenAPI document matches the routes, the errors, and the source code of the API."""

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
from api import create_app
from api.openapi.document import COMMON_ERRORS, build_document
from api.openapi.routes import described_routes
from slimgest_celery.api_keys import make_key
from slimgest_celery.config import Settings
from slimgest_celery.errors import EngineUnavailable, all_errors
from tests.support.stack import ROOT

SOURCES = [path.read_text() for path in Path(str(api.__file__)).parent.rglob("*.py")]
KEY, PAIR = make_key("alice")
# Codes that no response contains. The message of this one appears in `GET /` as the `detail` of a worker.
UNUSED_CODES = {EngineUnavailable.code}


def _app(**env: str) -> Flask:
    return create_app(Settings.from_env({"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0", **env}))


@cache
def _document(**env: str) -> dict[str, Any]:
    response = _app(**env).test_client().get("/openapi.json")
    assert response.status_code == 200
    return dict(response.get_json())


def _operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): one for path, item in document["paths"].items() for method, one in item.items()}


def test_the_document_is_openapi_3_1() -> None:
    for env in ({}, {"SLIMGEST_API_KEYS": PAIR}):
        OpenAPIV31SpecValidator(_document(**env)).validate()


def test_every_route_is_in_the_document_and_nothing_else_is() -> None:
    app = _app()
    routes = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint not in ("docs.asset", "web_page.asset")  # files that browsers load
    }
    assert set(_operations(_document())) == routes


def test_a_route_without_a_description_is_an_error() -> None:
    app = _app()
    app.add_url_rule("/new", "new", view_func=lambda: "")
    with pytest.raises(LookupError, match="not described"):
        build_document(app, keys=False)


def test_every_description_belongs_to_a_route() -> None:
    assert sum(
        source.count("\n@describe_route(") + source.count("\n@_describe_processing\n") for source in SOURCES
    ) == len({operation["operationId"] for operation in _operations(_document()).values()})


def test_every_error_is_listed_by_a_route_that_may_return_it() -> None:
    named = {error.code for route in described_routes(_app()) for error in route.errors}
    inside = {
        error.code
        for route in described_routes(_app())
        for response in route.description.responses
        for error in response.error_codes
    }
    everywhere = {error.code for error in COMMON_ERRORS} | {"access.key_missing", "access.key_unknown"}
    assert named | inside | everywhere | UNUSED_CODES == {error.code for error in all_errors()}
    codes = _document()["components"]["schemas"]["Problem"]["properties"]["code"]["description"]
    assert all(f"`{error.code}`: {error().message}" in codes for error in all_errors())


def test_every_operation_has_a_summary_and_every_response_has_an_example() -> None:
    for where, operation in _operations(_document(SLIMGEST_API_KEYS=PAIR)).items():
        assert operation["summary"], where
        for status, response in operation["responses"].items():
            assert response["description"], (where, status)
            for media_type, content in response.get("content", {}).items():
                example = content.get("example") or content.get("examples")
                assert example or content["schema"].get("format") == "binary", (
                    where,
                    media_type,
                )


def test_every_example_matches_its_schema() -> None:
    document = _document()
    for where, operation in _operations(document).items():
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():
                schema = {**content["schema"], "components": document["components"]}
                for example in content.get("examples", {}).values():
                    Draft202012Validator(schema).validate(example["value"]), where


def test_every_parameter_that_the_source_reads_is_described() -> None:
    """Only the models in requests.py read query parameters and form fields, and these models describe them."""
    described = [part["name"].lower() for part in _document()["components"]["parameters"].values()]
    for source in SOURCES:
        read = {name.lower() for name in re.findall(r"request\.headers(?:\.get\(|\[)\"([\w-]+)\"", source)}
        read |= {name.lower() for name in re.findall(r"\"([\w-]+)\" (?:not )?in request\.headers", source)}
        assert read <= {
            *described,
            "accept",
            "authorization",
            "origin",
            "sec-fetch-dest",
            "sec-fetch-mode",
            "sec-fetch-site",
        }  # never OpenAPI parameters
        if "def _validate(model" not in source:
            assert not re.search(r"\brequest\.(args|form|files|values|cookies)\b", source)


def test_every_parameter_has_a_description() -> None:
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


def test_only_a_service_with_keys_requires_one_and_some_routes_stay_open() -> None:
    assert "security" not in _document() and "securitySchemes" not in _document()["components"]
    guarded = _document(SLIMGEST_API_KEYS=PAIR)
    assert guarded["security"] == [{"key": []}]
    free = {path for (_, path), one in _operations(guarded).items() if one.get("security") == []}
    assert free == {"/health/live", "/health/ready", "/openapi.json", "/docs", "/docs/errors"}
    assert all(("401" in one["responses"]) == (path not in free) for (_, path), one in _operations(guarded).items())


def test_open_routes_respond_without_a_key_and_all_others_refuse() -> None:
    client = _app(SLIMGEST_API_KEYS=PAIR).test_client()
    for path in ("/openapi.json", "/docs", "/docs/errors", "/docs/docs.js", "/docs/swagger-ui.css", "/health/live"):
        assert client.get(path, buffered=True).status_code == 200, path
    for path in ("/", "/jobs", "/nowhere"):
        assert client.get(path, buffered=True).status_code == 401, path


def test_the_documentation_loads_only_own_files_and_has_no_inline_script() -> None:
    client = _app().test_client()
    page = client.get("/docs", buffered=True)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    assert "http" not in policy and "unsafe-eval" not in policy
    assert not re.search(r"https?://|<script>|\son\w+=|style=", page.text)
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert client.get(f"/{asset}", buffered=True).status_code == 200, asset
    assert client.get("/docs/oauth2-redirect.html").status_code == 404


def test_the_table_of_endpoints_in_the_documentation_matches_the_document() -> None:
    table = (ROOT / "docs" / "api.md").read_text().partition("| address |")[2].partition("\n\n")[0]
    listed = {
        (method.lower(), _path(path))
        for row in table.splitlines()
        for cell in row.split("|")[1:2]
        for methods, path in re.findall(r"((?:`?[A-Z]+`?,? ?)+)(/[^`|?]*)", cell)
        for method in re.findall("[A-Z]+", methods)
    }
    assert listed == {(method, _path(path)) for method, path in _operations(_document())}


def _path(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)
