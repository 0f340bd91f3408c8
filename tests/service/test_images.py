"""Images through the whole service: one document each, one page per frame, with bounded memory."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

import httpx
import pikepdf
import psutil
import pytest
from PIL import Image

from tests.support import images, pdfs
from tests.support.s3 import s3_server
from tests.support.stack import ROOT, Stack, running, wait_for


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service with one worker, whose memory is measured."""
    with running(tmp_path_factory.mktemp("one"), workers=1) as started:
        yield started


def _peak_mb(process: psutil.Process) -> float:
    """The most memory that the process has had since `_forget_peak`."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def _forget_peak(process: psutil.Process) -> float:
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    return _peak_mb(process)


def _texts(stack: Stack, job_id: str) -> list[str]:
    return [page["text"] for page in stack.document(job_id)["pages"]]


def _searchable(stack: Stack, job_id: str) -> bytes:
    def ready() -> httpx.Response | None:
        answer = stack.get(f"/jobs/{job_id}/result", params={"format": "pdf"})
        return answer if answer.status_code == 200 else None

    found = wait_for(ready, what="the searchable PDF", within_s=60, logs=stack.folder)
    assert found is not None
    return found.content


def _similarity(text: str) -> float:
    return SequenceMatcher(None, " ".join(text.split()), " ".join(pdfs.PROSE), autojunk=False).ratio()


def test_a_tiff_of_20_pages_is_a_document_of_20_pages_in_bounded_memory(one_worker: Stack) -> None:
    stack = one_worker
    frames = [frame.resize((1240, 1754)) for frame in images.numbered(20)]
    decoded_mb = 20 * 1240 * 1754 * 4 / 1e6
    child = stack.child_of("cpu0")
    before_mb = _forget_peak(child)
    job_id = stack.submit(images.tiff(frames, "tiff_lzw", dpi=(150, 150)))
    assert stack.wait_end(job_id)["status"] == "completed"
    assert _texts(stack, job_id) == [f"page {number}" for number in range(1, 21)]
    assert _peak_mb(child) - before_mb < decoded_mb / 2, "never all frames at once"
    assert stack.child_of("cpu0").pid == child.pid
    assert not list((stack.folder / "jobs" / job_id).glob("source.image")), "the PDF takes the image's place"


def test_a_bomb_is_refused_with_a_code_and_without_its_memory(one_worker: Stack) -> None:
    stack = one_worker
    bomb = images.png_bomb()
    child = stack.child_of("cpu0")
    before_mb = _forget_peak(child)
    answer = stack.post("/process-pdf", bomb, "bomb.png")
    assert (answer.status_code, answer.json()["code"]) == (422, "image.too_large")
    assert "16000 × 16000" in answer.json()["detail"]
    assert _peak_mb(child) - before_mb < 50 and stack.child_of("cpu0").pid == child.pid


def test_an_image_that_needs_more_memory_than_a_worker_may_have_ends_its_job_only(tmp_path: Path) -> None:
    """The pixels are within the limit, but all of them are decoded because of the transparency."""
    content = images.saved(Image.new("RGBA", (12_000, 12_000), (1, 2, 3, 4)), "PNG", compress_level=1)
    with running(tmp_path, workers=1, SLIMGEST_MAX_WORKER_MB="400") as stack:
        answer = stack.post("/process-pdf", content)
        assert (answer.status_code, answer.json()["code"]) == (422, "pdf.out_of_memory")
        job_id = stack.submit(images.saved(images.numbered(7)[-1], "PNG"))
        assert stack.wait_end(job_id)["status"] == "completed" and _texts(stack, job_id) == ["page 7"]


def test_pdfs_and_images_are_mixed_in_one_request(one_worker: Stack) -> None:
    first, second, third = images.numbered(3)
    sent = [
        ("files", ("a.jpg", images.saved(first, "JPEG", quality=95))),
        ("files", ("b.pdf", pdfs.numbered(2))),
        ("files", ("wrong-name.pdf", images.saved(second, "WEBP", lossless=True))),
        ("files", ("d.tif", images.tiff([second, third], "tiff_lzw"))),
    ]
    documents = one_worker.request("POST", "/process-pdfs", files=sent).json()["pdfs"]
    assert [document["filename"] for document in documents] == ["a.jpg", "b.pdf", "wrong-name.pdf", "d.tif"]
    assert [[page["text"] for page in document["pages"]] for document in documents] == [
        ["page 1"],
        ["page 1", "page 2"],
        ["page 2"],
        ["page 2", "page 3"],
    ]


def test_every_format_is_available_of_an_image(one_worker: Stack) -> None:
    stack = one_worker
    photo = images.saved(images.numbered(5)[-1], "JPEG", quality=95)
    job_id = stack.submit(photo)
    stack.wait_end(job_id)
    for form in ("md", "txt", "hocr", "alto", "json"):
        answer = stack.get(f"/jobs/{job_id}/result", params={"format": form})
        assert answer.status_code == 200 and "5" in answer.text
    with pikepdf.open(io.BytesIO(_searchable(stack, job_id))) as made:
        (image,) = [item for item in made.pages[0].Resources.XObject.values() if item.Subtype == pikepdf.Name.Image]
        assert image.read_raw_bytes() == photo, "the file as it was sent"
    archive = stack.get(f"/jobs/{job_id}/result", params={"format": "zip", "formats": "md,pdf"})
    assert archive.status_code == 200 and len(zipfile.ZipFile(io.BytesIO(archive.content)).namelist()) >= 2
    shown = stack.get(f"/jobs/{job_id}/pages/1/image", params={"format": "png"})
    assert Image.open(io.BytesIO(shown.content)).size[1] > 100


def test_a_damaged_image_fails_with_a_code_and_its_page_has_no_image(one_worker: Stack) -> None:
    stack = one_worker
    whole = images.saved(images.patches(), "JPEG")
    job_id = stack.submit(whole[: len(whole) // 2])
    status = stack.wait_end(job_id)
    assert (status["status"], status["error"]["code"]) == ("failed", "image.unreadable")
    answer = stack.get(f"/jobs/{job_id}/pages/1/image")
    assert (answer.status_code, answer.json()["code"]) == (404, "page.unknown")
    assert stack.request("POST", f"/jobs/{job_id}/retry").status_code == 202
    assert stack.wait_end(job_id)["error"]["code"] == "image.unreadable"


def test_a_document_of_another_program_is_named(one_worker: Stack) -> None:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    answer = one_worker.post("/jobs", stored.getvalue(), "letter.docx")
    assert (answer.status_code, answer.json()["code"]) == (415, "upload.not_pdf")
    assert answer.json()["detail"] == "'letter.docx' is a Word document; convert it to PDF first."


def test_an_image_is_read_from_standard_input(one_worker: Stack) -> None:
    command = [sys.executable, "-m", "slimgest_celery.cli", "process", "-", "--url", one_worker.url, "--json"]
    image = images.saved(images.numbered(8)[-1], "PNG")
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, input=image, capture_output=True)
    assert done.returncode == 0 and b"page 8" in done.stdout, done.stderr
    assert one_worker.get("/jobs", params={"limit": 1}).json()["jobs"][0]["filename"] == "stdin.png"


def test_an_image_is_converted_in_a_bucket_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server(tmp_path) as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        with running(tmp_path, workers=1, **server.env) as stack:
            job_id = stack.submit(images.tiff(images.numbered(3), "tiff_lzw"))
            assert stack.wait_end(job_id)["status"] == "completed"
            assert _texts(stack, job_id) == ["page 1", "page 2", "page 3"]
            with pytest.raises(FileNotFoundError), stack.files.source_image(job_id):
                pass


def test_an_image_that_is_sent_again_is_taken_from_the_page_cache(tmp_path: Path) -> None:
    with running(tmp_path, workers=1, SLIMGEST_PAGE_CACHE="1") as stack:
        content = images.tiff(images.numbered(2), "tiff_lzw")
        for cached in (False, True):
            job_id = stack.submit(content)
            stack.wait_end(job_id)
            assert [page["cached"] for page in stack.document(job_id)["pages"]] == [cached, cached]


def test_a_phone_s_photo_of_a_page_is_read(rapid: Stack) -> None:
    answer = rapid.post("/process-pdf", images.phone_photo(), "IMG_0001.JPG")
    (page,) = answer.json()["pdfs"][0]["pages"]
    assert page["status"] == "ok" and _similarity(page["text"]) > 0.95, page["text"]
    assert page["turned"] == 0 and page["width"] < page["height"], "upright, as the camera was held"


def test_a_fax_is_read(rapid: Stack) -> None:
    pages = [images.fax_page("\n".join(pdfs.PROSE[:4])), images.fax_page("\n".join(pdfs.PROSE[4:]))]
    content = images.tiff(pages, dpi=(204, 98))
    document = rapid.post("/process-pdf", content, "fax.tif").json()["pdfs"][0]
    assert document["total_pages"] == 2
    assert _similarity("\n".join(page["text"] for page in document["pages"])) > 0.95
