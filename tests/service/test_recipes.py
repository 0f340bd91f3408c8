"""The recipes of docs/recipes.md do what they say: their texts are run as they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from tests.support import pdfs
from tests.support.stack import ROOT, Stack, wait_for

RECIPES = dict(re.findall(r"^## (.+?)$.*?^```\w+\n(.*?)^```", (ROOT / "docs" / "recipes.md").read_text(), re.M | re.S))
FAKES = ROOT / "tests" / "fakes"
TEXT = "The harbour was quiet when the boats came in."


def _run(stack: Stack, recipe: str, folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    script = folder / "recipe.sh"
    script.write_text(RECIPES[recipe])
    return subprocess.run(
        ["sh", str(script), *arguments], env=_env(stack, **env), capture_output=True, text=True, timeout=120
    )


def _env(stack: Stack, **more: str) -> dict[str, str]:
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": programs, "SLIMGEST_URL": stack.url, **more}


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    """A PDF with a text layer whose name is no easy one."""
    path = tmp_path / "a letter, 漢字 & more.pdf"
    path.write_bytes(pdfs.text_pages([TEXT]))
    return path


def test_each_recipe_has_a_test() -> None:
    assert list(RECIPES) == ["With curl only", "A watched folder", "paperless-ngx", "LangChain", "LlamaIndex"]


def test_curl_reads_a_file(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(pdfs.text_pages([TEXT]))
    done = _run(stack, "With curl only", tmp_path, str(tmp_path / "scan.pdf"), "md-plain")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{TEXT}\n", "")


@pytest.mark.timeout(400)  # on a busy machine, the command takes many seconds to start
def test_a_folder_is_watched(stack: Stack, tmp_path: Path, letter: Path) -> None:
    inbox, outbox = tmp_path / "inbox", tmp_path / "outbox"
    script = tmp_path / "watch.sh"
    script.write_text(RECIPES["A watched folder"].replace("sleep 5", "sleep 0.5"))
    with subprocess.Popen(["sh", str(script), str(inbox), str(outbox)], env=_env(stack), process_group=0) as watch:
        try:
            wait_for(outbox.is_dir, what="the folders")
            for name, text in (("one", TEXT), ("two", "The second.")):
                (inbox / f"{name}.pdf").write_bytes(pdfs.text_pages([text]))
                wait_for((outbox / f"{name}.md").is_file, what=name, within_s=120)
                assert text in (outbox / f"{name}.md").read_text()
            wait_for((outbox / "two.searchable.pdf").is_file, what="the searchable PDF", within_s=120)
        finally:
            os.killpg(watch.pid, 15)


def test_paperless_gets_a_searchable_pdf(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "working copy.pdf"
    file.write_bytes(pdfs.numbered(2))
    done = _run(stack, "paperless-ngx", tmp_path, DOCUMENT_WORKING_PATH=str(file))
    assert (done.returncode, done.stderr) == (0, "")
    with pypdfium2.PdfDocument(file) as pdf:
        assert [page.get_textpage().get_text_bounded().strip() for page in pdf] == ["page 1", "page 2"]


@pytest.mark.parametrize("content", [b"%PDF-1.4 nothing more", b"\x89PNG no PDF"], ids=["broken", "an image"])
def test_paperless_keeps_what_cannot_be_read(stack: Stack, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "copy.pdf"
    file.write_bytes(content)
    done = _run(stack, "paperless-ngx", tmp_path, DOCUMENT_WORKING_PATH=str(file))
    assert done.returncode == 0 and file.read_bytes() == content
    assert ("did not read" in done.stderr) == content.startswith(b"%PDF")


def test_paperless_goes_on_without_the_service(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "copy.pdf"
    file.write_bytes(pdfs.numbered(1))
    before = file.read_bytes()
    done = _run(stack, "paperless-ngx", tmp_path, DOCUMENT_WORKING_PATH=str(file), SLIMGEST_URL="http://127.0.0.1:9")
    assert done.returncode == 0 and file.read_bytes() == before and "did not read" in done.stderr


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The interfaces of LangChain and LlamaIndex, unless the packages are installed."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(FAKES)])
    yield
    for name in [name for name in sys.modules if name.startswith(("langchain_core", "llama_index"))]:
        monkeypatch.delitem(sys.modules, name)


def _class(recipe: str, name: str) -> Any:
    names: dict[str, Any] = {}
    exec(compile(RECIPES[recipe], f"docs/recipes.md: {recipe}", "exec"), names)
    return names[name]


@pytest.mark.usefixtures("fakes")
def test_langchain_loads_the_chunks_of_a_file(stack: Stack, letter: Path) -> None:
    (document,) = _class("LangChain", "SlimgestLoader")(str(letter), stack.url).load()
    assert document.page_content == TEXT
    assert document.metadata["source"] == str(letter) and document.metadata["page_numbers"] == [1]


@pytest.mark.usefixtures("fakes")
def test_llamaindex_loads_the_chunks_of_a_file(stack: Stack, letter: Path) -> None:
    (document,) = _class("LlamaIndex", "SlimgestReader")(stack.url).load_data(letter, {"file_name": letter.name})
    assert document.text == TEXT
    assert document.metadata["file_name"] == letter.name and document.metadata["page_numbers"] == [1]
