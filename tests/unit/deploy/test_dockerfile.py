"""The image: what its default command does, and what it sets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.stack import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def _default_command() -> list[str]:
    found = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found
    command: list[str] = json.loads(found[1])
    return command


def test_the_default_command_runs_the_whole_service_and_refuses_without_keys(tmp_path: Path) -> None:
    program, *arguments = _default_command()
    assert program == "slimgest"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SLIMGEST_")}
    command = [sys.executable, "-m", "slimgest_celery.cli", *arguments]
    env = {**environ, "XDG_DATA_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False, env=env)
    assert done.returncode == 2
    assert "Other machines can reach 0.0.0.0, and SLIMGEST_API_KEYS is empty" in done.stderr
    assert "slimgest key NAME" in done.stderr and not list(tmp_path.iterdir())


def test_the_image_runs_as_any_user_and_writes_to_data_and_tmp_only() -> None:
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER \d+$", last_stage, re.MULTILINE), "Kubernetes' runAsNonRoot accepts numbers only"
    settings = dict(re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"ENV (.*?[^\\])\n", last_stage, re.DOTALL))))
    assert settings["HOME"] == "/tmp" and settings["PYTHONDONTWRITEBYTECODE"] == "1"
    assert settings["XDG_DATA_HOME"] == "/data" and settings["SLIMGEST_STORAGE_URL"].startswith("/data/")
    assert "VOLUME /data" in last_stage
