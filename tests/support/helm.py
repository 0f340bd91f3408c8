"""Helm's own renderer, from the package `helm-python-sdk`: the Go library of Helm 4, without a cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

# Not `importorskip`: an import starts the Go runtime. Its handler of SIGPIPE ends this process when a test writes to
# another one that has ended.
NEEDS_HELM = pytest.mark.skipif(
    find_spec("helm_python") is None, reason="helm-python-sdk has a wheel for Linux on x86-64 only"
)
# In a process of its own, for the same reason
_PROGRAM = """
import json, sys
import helm_python

asked = json.load(sys.stdin)
with helm_python.Chart.load(asked["chart"]) as chart:
    try:
        found = chart.render(asked["values"], name=asked["release"], namespace=asked["namespace"])
    except helm_python.HelmError as error:
        sys.exit(str(error))
lint = helm_python.lint(asked["chart"], asked["values"], strict=True)
json.dump({"files": found, "lint": [each["error"] for each in lint["messages"] if each["severity"] > 1]}, sys.stdout)
"""


class RenderError(Exception):
    """Helm refused the chart or the values; the message is Helm's."""


def render(chart: Path, values: dict[str, Any], release: str = "slimgest", namespace: str = "pdf") -> dict[str, str]:
    """Return the files that `helm template` makes, by name. Raises `RenderError`, also for findings of `helm lint`."""
    asked = {"chart": str(chart), "values": values, "release": release, "namespace": namespace}
    return dict(_rendered(json.dumps(asked)))


def resources(files: dict[str, str]) -> list[dict[str, Any]]:
    """Return the resources in rendered files."""
    manifests = [text for name, text in files.items() if name.endswith(".yaml")]
    return [document for text in manifests for document in yaml.safe_load_all(text) if document]


@cache
def _rendered(asked: str) -> dict[str, str]:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], input=asked, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RenderError(done.stderr)
    answer = json.loads(done.stdout)
    if answer["lint"]:
        raise RenderError("\n".join(answer["lint"]))
    files: dict[str, str] = answer["files"]
    return files
