"""What is documented is there, and what is there is documented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib

import pytest

from slimgest_celery import errors
from slimgest_celery.config import Settings
from slimgest_celery.errors import SlimgestError, all_errors
from tests.support.stack import ROOT

README = (ROOT / "README.md").read_text()
SETTINGS = README.partition("\n## Settings\n")[2].partition("\n## ")[0]


def test_every_setting_is_in_the_readme_with_its_default_and_nothing_else_is() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", SETTINGS, re.M))
    fields = {str(field.alias): field for field in Settings.model_fields.values()}
    assert set(rows) == set(fields)
    defaults = Settings.from_env({})
    for name, field in Settings.model_fields.items():
        default = getattr(defaults, name)
        if default not in (None, ()) and name != "storage_url":  # which depends on the machine
            assert rows[str(field.alias)] == f"`{default}`", name


def test_every_error_code_is_unique_drawn_in_the_tree_and_in_the_readme() -> None:
    codes = [error.code for error in all_errors()]
    assert len(codes) == len(set(codes))
    drawn = re.findall(r"[a-z]+\.[a-z_]+(?= |$)", str(errors.__doc__), re.M)
    assert set(codes) <= set(drawn)
    assert set(re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", README, re.M)) == set(codes)


@pytest.mark.parametrize("error", list(all_errors()), ids=lambda error: error.code)
def test_every_error_says_something_to_a_user(error: type[SlimgestError]) -> None:
    made = error()
    assert made.message.endswith(".") and len(made.message) > 15
    assert 400 <= error.http_status < 600


def test_the_api_imports_neither_pdf_library_nor_engine() -> None:
    ask = "import sys, api, api.__main__, api.example_client; api.create_app(); print(*sys.modules)"
    env = {**os.environ, "SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"}
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "flask" in loaded
    assert not loaded & {"pypdfium2", "pikepdf", "torch", "onnxruntime", "openvino", "rapidocr", "tesserocr", "numpy"}


def test_importing_reads_no_setting() -> None:
    ask = "import slimgest_celery, slimgest_celery.tasks, workers.__main__, api, celeryconfig; print('fine')"
    env = {"SLIMGEST_NUM_WORKERS": "not a number", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout == "fine\n", done.stderr


def test_the_parent_of_a_worker_imports_no_engine() -> None:
    ask = "import sys, workers.process; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & {"torch", "openvino", "rapidocr", "tesserocr"}


def test_the_process_that_starts_workers_never_imports_torch() -> None:
    ask = "import sys, workers.__main__ as m; m._workers(m._settings()); print(*sys.modules)"
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests' / 'doubles'}:{ROOT}", "TEST_GPUS": "2"}
    env |= {"SLIMGEST_ALLOW_MODEL_DOWNLOAD": "1", "SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"}
    env.pop("CUDA_VISIBLE_DEVICES", None)
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "pynvml" in loaded, "it has looked for GPUs"
    assert not loaded & {"torch", "nemotron_ocr", "openvino", "rapidocr", "pypdfium2"}


def test_every_dependency_says_why_it_is_there() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    for dependency in tomllib.loads(text)["project"]["dependencies"]:
        (line,) = [line for line in text.splitlines() if line.strip().startswith(f'"{dependency}"')]
        assert re.search(r",\s+# \w", line), line
        assert re.search(r">=\d", dependency), "a lower bound"


def test_the_base_install_needs_no_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not [name for name in project["dependencies"] if "torch" in name or "nemotron" in name]
