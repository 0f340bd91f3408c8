"""A client that openapi-python-client generates from the OpenAPI document knows the errors of each route.

For TypeScript (openapi-typescript is an npm package, so it was run by hand):

    npx openapi-typescript http://127.0.0.1:8000/openapi.json -o slimgest.ts
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api import create_app
from slimgest_celery.config import Settings

_USE = """
from slimgest_client.api.jobs import status
from slimgest_client.client import Client
from slimgest_client.models import Problem404, Problem404Code
import httpx, sys

body = sys.stdin.buffer.read()
client = Client("http://service").set_httpx_client(
    httpx.Client(base_url="http://service", transport=httpx.MockTransport(lambda _: httpx.Response(404, content=body)))
)
found = status.sync("0f6c1b5e-3d8a-4c57-9b1e-2a7f4d90c3e1", client=client)
assert isinstance(found, Problem404) and found.code is Problem404Code.JOB_UNKNOWN and found.hint, found
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = create_app(Settings.from_env({"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"}))
    return dict(app.test_client().get("/openapi.json").get_json())


def test_an_error_is_a_plain_object_with_the_codes_of_its_status(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    answers = [one for path in document["paths"].values() for way in path.values() for one in way["responses"].items()]
    checked = 0
    for status, answer in answers:
        problem = answer.get("content", {}).get("application/problem+json")
        if problem is None:
            continue
        checked += 1
        assert problem["schema"]["$ref"] == f"#/components/schemas/Problem{status}"
        properties = schemas[f"Problem{status}"]["properties"]
        assert properties["status"]["const"] == int(status)
        assert set(problem["schema"]["properties"]["code"]["enum"]) <= set(properties["code"]["enum"])
        assert set(problem["examples"]) == set(problem["schema"]["properties"]["code"]["enum"])
    assert checked > 50 and "allOf" not in json.dumps(document)


def test_a_generated_client_returns_errors_with_their_codes(document: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("openapi_python_client")
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    generate = "from openapi_python_client.cli import app; app()"
    arguments = ["generate", "--path", "openapi.json", "--output-path", "made", "--meta", "none"]
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # it runs `ruff`
    command = [sys.executable, "-W", "ignore", "-c", generate, *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    made = done.stdout + done.stderr
    assert done.returncode == 0, made
    assert "merged" not in made and "Unable to parse" not in made, made  # of a zip, it knows no content
    kept = (tmp_path / "made" / "api" / "jobs" / "status.py").read_text()
    assert all(f"Problem{status}.from_dict" in kept for status in (400, 404, 410, 500, 503)), made
    (tmp_path / "made").rename(tmp_path / "slimgest_client")
    body = document["paths"]["/jobs/{job_id}"]["get"]["responses"]["404"]["content"]["application/problem+json"]
    answer = json.dumps(body["examples"]["job.unknown"]["value"]).encode()
    used = subprocess.run([sys.executable, "-c", _USE], cwd=tmp_path, input=answer, capture_output=True)
    assert used.returncode == 0, used.stderr.decode()
