"""The documentation and the code agree: settings, codes, endpoints, files, links."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from slimgest_celery import errors
from slimgest_celery.config import Settings
from slimgest_celery.errors import SlimgestError, all_errors
from slimgest_celery.formats.registry import FORMATS
from slimgest_celery.models.warning import WARNINGS
from tests.support.stack import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]


def test_every_setting_is_documented_once_with_its_default_and_nothing_else_is() -> None:
    found = re.findall(r"^\| `(\w+)` \| (.*?) \| \S", (ROOT / "docs" / "settings.md").read_text(), re.M)
    rows = dict(found)
    assert len(rows) == len(found)
    fields = {str(field.alias): field for field in Settings.model_fields.values()}
    assert set(rows) == set(fields)
    defaults = Settings.from_env({})
    for name, field in Settings.model_fields.items():
        default = getattr(defaults, name)
        if default not in (None, ()) and name != "storage_url":  # which depends on the machine
            assert rows[str(field.alias)] == f"`{default}`", name


def test_every_error_code_is_unique_and_drawn_in_the_tree() -> None:
    codes = [error.code for error in all_errors()]
    assert len(codes) == len(set(codes))
    drawn = re.findall(r"[a-z]+\.[a-z_]+(?= |$)", str(errors.__doc__), re.M)
    assert set(codes) <= set(drawn)


def test_every_error_code_is_documented_once_with_an_anchor_its_status_and_whether_a_retry_may_help() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    row = r'^\| <a id="([a-z_.]+)"></a>`([a-z_.]+)` \| (\d+|–) \| [^|]{15,} \| [^|]{8,} \| (yes|no) \|$'
    found = re.findall(row, page, re.M)
    assert len(found) == page.count("<a id="), "every row has this form"
    assert all(anchor == code for anchor, code, _, _ in found)
    documented = {code: (status, retryable) for _, code, status, retryable in found}
    assert len(documented) == len(found)
    errors_by_code = {error.code: error for error in all_errors()}
    assert set(documented) == set(errors_by_code)
    for code, (status, retryable) in documented.items():
        error = errors_by_code[code]
        only_in_records = issubclass(error, (errors.PageFailure, errors.CallbackTimeout))
        assert status == ("–" if only_in_records else str(error.http_status)), code
        assert retryable == ("yes" if error.retryable else "no"), code


def test_every_warning_is_documented_and_says_what_to_do() -> None:
    rows = re.findall(
        r"^\| `([a-z_]+\.[a-z_]+)` \| [^|]{15,} \| [^|]{15,} \|$", (ROOT / "docs" / "pages.md").read_text(), re.M
    )
    assert sorted(rows) == sorted(WARNINGS)
    assert all(kind.message.endswith(".") and kind.hint.endswith(".") for kind in WARNINGS.values())


def test_every_format_is_documented() -> None:
    page = (ROOT / "docs" / "formats.md").read_text()
    rows = dict(re.findall(r"^\| `([\w-]+)` \| `([\w/.+-]+)` \|", page, re.M))
    assert rows == {name: form.media_type.partition(";")[0] for name, form in FORMATS.items()}


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    assert not [path.name for path in (ROOT / "docs").glob("*.md") if path.name not in index]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_in_a_document_leads_to_a_file_or_an_anchor(document: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", document.read_text()):
        path = document.parent / target if target else document
        assert path.exists(), target
        assert not anchor or anchor in _anchors(path), anchor


def _anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives a document: explicit ones, and one for each heading."""
    text = document.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {
        *re.findall(r'<a id="([^"]+)">', text),
        *(re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings),
    }


@pytest.mark.parametrize("name", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_file_that_a_guide_names_exists(name: str) -> None:
    named = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|toml|md|yml|lua))`", (ROOT / name).read_text()))
    places = ROOT, ROOT / "slimgest_celery", ROOT / "docs"
    assert not sorted(path for path in named if not any((place / path).exists() for place in places))


def test_the_readme_is_one_and_a_half_screens() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 110
    assert max(map(len, lines)) <= 120


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
    ask = "import slimgest_celery.app, slimgest_celery.tasks, workers.__main__, api.app, celeryconfig; print('fine')"
    env = {"SLIMGEST_NUM_WORKERS": "not a number", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout == "fine\n", done.stderr


@pytest.mark.parametrize("module", ["slimgest_celery.cli.main", "workers.__main__", "api.__main__"])
def test_what_only_starts_other_processes_does_not_import_the_service(module: str) -> None:
    ask = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & {"celery", "flask", "redis", "pypdfium2"}


def test_celery_finds_its_application_whatever_is_imported_first() -> None:
    ask = "import {}; from celery.app.utils import find_app; print(find_app('slimgest_celery').main)"
    for module in ("slimgest_celery", "slimgest_celery.app", "slimgest_celery.tasks"):
        argv = [sys.executable, "-c", ask.format(module)]
        assert subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "slimgest\n"


def test_the_parent_of_a_worker_imports_no_engine() -> None:
    ask = "import sys, workers.celery_hooks; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & {"torch", "openvino", "rapidocr", "tesserocr"}


def test_the_process_that_starts_workers_never_imports_torch() -> None:
    ask = "import sys, workers.__main__ as m; m._workers(m._settings()); print(*sys.modules)"
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests' / 'fakes'}:{ROOT}", "TEST_GPUS": "2"}
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
