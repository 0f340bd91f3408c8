"""The distribution slimgest-client: built, installed with what it requires and nothing else, used with a service."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import pytest

from tests.support import pdfs
from tests.support.stack import ROOT, Stack

_PROJECT = ROOT / "clients" / "python"
_PROGRAM = """
import asyncio, sys
from slimgest_client import AsyncClient, Client, Options
from slimgest_client.client import ApiError, JobCompleted

url, pdf = sys.argv[1:]
seen = []
with Client(url, retry_for_s=60) as client:
    document = client.process(pdf, Options(languages="auto"), on_event=seen.append)
    document.raise_for_status()
    assert isinstance(seen[-1], JobCompleted)
    print(document.text)
    print(document.markdown())
    client.delete(document.job_id)
    try:
        client.status(document.job_id)
    except ApiError as error:
        print(error.problem_code)

async def main():
    async with AsyncClient(url) as client:
        print([page.text async for page in client.pages((await client.process(pdf)).job_id)])

asyncio.run(main())
import importlib.util
assert not any(importlib.util.find_spec(name) for name in ("celery", "numpy", "langcodes", "slimgest_celery"))
"""


def _requirements(names: list[str]) -> set[str]:
    """Return the names of distributions, and of all that they require."""
    found: set[str] = set()
    while names:
        name = re.split(r"[^\w.-]", names.pop(), maxsplit=1)[0].lower()
        if name not in found:
            try:
                required = distribution(name).requires or []
            except PackageNotFoundError:  # for another system or Python
                continue
            found.add(name)
            names += [one for one in required if "extra ==" not in one]
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel and its requirements, linked from this environment."""
    folder = tmp_path_factory.mktemp("bare")
    build = "import sys, backend; print(backend.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-W", "ignore", "-c", build, str(folder)]
    done = subprocess.run(command, cwd=_PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    venv.create(folder / "venv", with_pip=False)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    zipfile.ZipFile(folder / done.stdout.split()[-1]).extractall(packages)
    required = tomllib.loads((_PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    for name in _requirements(required):
        for path in {Path(str(file)).parts[0] for file in distribution(name).files or ()} - {"..", "bin"}:
            if not (packages / path).exists():
                (packages / path).symlink_to(distribution(name).locate_file(path))
    return folder / "venv" / "bin" / "python"


def test_the_client_alone_reads_a_pdf_and_needs_httpx_and_pydantic_only(
    bare: Path, stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(2))
    command = [bare, "-I", "-c", _PROGRAM, stack.url, tmp_path / "a.pdf"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("page 1\n\npage 2\n") and "page 2" in done.stdout.partition("<!-- page 2 -->")[2]
    assert done.stdout.endswith("job.expired\n['page 1', 'page 2']\n")


def test_the_client_has_the_version_and_the_requirements_of_slimgest() -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    its = tomllib.loads((_PROJECT / "pyproject.toml").read_text())["project"]
    assert its["version"] == ours["version"] == version("slimgest")
    assert set(its["dependencies"]) <= set(ours["dependencies"])
