"""Attacks a service of its own, on loopback, and writes what was tried and what came back: `make attack`.

Each attack is a function: its docstring says what is tried; it returns what came back, or raises `AssertionError` if
the service did not hold. All of it is bounded: a few hundred requests at once, a few seconds of waiting.
"""

from __future__ import annotations

import argparse
import platform
import select
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from slimgest_celery.api_keys import make_key
from slimgest_celery.sandbox.policy import missing_support
from slimgest_celery.webhooks.signing import make_secret
from tests.support import images, pdfs
from tests.support.engines import ALLOCATE, GARBAGE, HANG, KILL, RAISE
from tests.support.intruder import ATTEMPTS, OUTSIDE, PORT, SECRET
from tests.support.stack import ROOT, Stack, running, wait_for

ALICE, ALICES_PAIR = make_key("alice")
BOB, BOBS_PAIR = make_key("bob")
ALICES, BOBS = ({"Authorization": f"Bearer {key}"} for key in (ALICE, BOB))
EVIL = "evil.example"
SETTINGS = {
    "SLIMGEST_API_KEYS": f"{ALICES_PAIR},{BOBS_PAIR}",
    "SLIMGEST_WEBHOOK_SECRET": make_secret(),
    "SLIMGEST_PAGE_TIMEOUT": "4",
    "SLIMGEST_MAX_WORKER_MB": "700",
    "SLIMGEST_MAX_UPLOAD_MB": "2",
    "SLIMGEST_BODY_TIMEOUT": "2",
    "SLIMGEST_OWNER_EVENT_STREAMS": "20",
    "SLIMGEST_OWNER_PENDING_JOBS": "30",
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """The service under attack, and an API process of the same service that needs no keys."""

    stack: Stack
    open_url: str
    hasty_url: str  # an API process with a low limit of requests


Attack = Callable[[Target], str]


# --- Who may ask ------------------------------------------------------------------------------------------------------


def no_key(target: Target) -> str:
    """every address of the API, without a key and with a wrong one"""
    document = httpx.get(f"{target.stack.url}/openapi.json").json()
    answers = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation.get("security") == []:
                continue
            address = path.format(job_id="0" * 8 + "-0000-4000-8000-" + "0" * 12, page_number=1, delivery_id="x")
            for headers in ({}, {"Authorization": "Bearer slim_wrong"}, {"Authorization": "Basic YTpi"}):
                answers.append(httpx.request(method, target.stack.url + address, headers=headers).status_code)
    assert len(answers) > 40 and set(answers) == {401}, answers
    return f"401 for all {len(answers)} requests"


def foreign_job(target: Target) -> str:
    """a job of another owner: status, result, events, page, image, cancel, delete for good, retry"""
    job_id = target.stack.submit(pdfs.numbered(1))
    target.stack.wait_end(job_id)
    paths = ["", "/result", "/events", "/pages/1", "/pages/1/image", "/deliveries"]
    tried = [("GET", path) for path in paths] + [
        ("DELETE", ""), ("DELETE", "?purge=true"), ("POST", "/retry"), ("POST", "/result"),
    ]  # fmt: skip
    answers = [target.stack.request(method, f"/jobs/{job_id}{path}", headers=BOBS) for method, path in tried]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "job.unknown")}
    assert httpx.get(f"{target.stack.url}/jobs", headers=BOBS).json()["jobs"] == []
    return f"404 job.unknown for all {len(answers)} requests"


def dns_rebinding(target: Target) -> str:
    """without keys: a request with a foreign host, as after DNS rebinding"""
    hosts = [EVIL, f"{EVIL}:8000", f"127.0.0.1.{EVIL}", "10.0.0.1", "[", ""]
    answers = [httpx.get(f"{target.open_url}/jobs", headers={"Host": host}) for host in hosts]
    assert all(answer.status_code in (400, 403) for answer in answers), answers
    return ", ".join(sorted({f"{answer.status_code} {answer.json()['code']}" for answer in answers}))


def cross_site(target: Target) -> str:
    """without keys: forms, scripts and images of a foreign web page"""
    foreign = [{"Origin": f"https://{EVIL}"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
    files = {"file": ("a.pdf", pdfs.numbered(1))}
    answers = [httpx.post(f"{target.open_url}/jobs", headers=headers, files=files) for headers in foreign]
    answers += [httpx.get(f"{target.open_url}/jobs", headers=headers) for headers in foreign]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "access.origin")}
    return f"403 access.origin for all {len(answers)} requests"


def forged_proxy_headers(target: Target) -> str:
    """headers of a proxy, from a client that is none"""
    forged = {
        "X-Forwarded-Host": EVIL,
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Proto": "https",
        "SCRIPT_NAME": "/e",
    }
    answer = target.stack.request("POST", "/jobs", headers=forged, files={"file": ("a.pdf", pdfs.numbered(1))})
    job_id = answer.json()["job_id"]
    assert answer.headers["Location"] == answer.json()["links"]["self"] == f"/jobs/{job_id}"
    return "ignored: links and Location are unchanged"


# --- What is asked ----------------------------------------------------------------------------------------------------


def traversal(target: Target) -> str:
    """paths with `..`, encoded in several ways"""
    tried = ["../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..%5c..%5cetc", "x%00.css"]
    paths = [f"/{place}/{path}" for place in ("web", "docs", "jobs", "jobs/x/pages") for path in tried]
    answers = [_raw(target.stack.url, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{_key()}Connection: close\r\n\r\n")
               for path in paths]  # fmt: skip
    assert all(b" 404 " in answer[:20] or b" 400 " in answer[:20] for answer in answers)
    assert not any(b"root:" in answer for answer in answers)
    return f"404 or 400 for all {len(answers)} requests"


def file_name(target: Target) -> str:
    """file names with paths, line breaks and control characters"""
    names = ["../../../etc/cron.d/x", "..\\..\\x.pdf", "a\r\nX-Evil: 1\r\n\r\n.pdf", "a\x00b.pdf", "/etc/passwd"]
    for name in names:
        answer = target.stack.post("/jobs", pdfs.numbered(1), filename=name)
        job_id = answer.json()["job_id"]
        target.stack.wait_end(job_id)
        result = target.stack.get(f"/jobs/{job_id}/result?format=md")
        assert result.status_code == 200 and "X-Evil" not in result.headers
        shown = answer.json()["filename"]
        assert "/" not in shown and "\\" not in shown and shown.isprintable()
    return "shown without path and control characters, never used as a path"


def raw_bodies(target: Target) -> str:
    """files as the body: HTML, SVG, a misspelt option, a password in the address, a name with a path, no end"""
    pdf, evil = pdfs.numbered(1), b"<script>alert(1)</script>"
    tried: list[tuple[str, str, bytes | Iterator[bytes], int]] = [
        ("", "text/html", evil, 400),
        ("", "image/svg+xml", evil, 415),
        ("", "application/pdf", evil, 415),
        ("?page=1", "application/pdf", pdf, 400),
        ("?password=secret", "application/pdf", pdf, 400),
        ("?callback_url=http://127.0.0.1/", "application/pdf", pdf, 422),
        ("", "application/pdf", (b"%PDF-1.7" + bytes(1 << 20) for _ in range(1000)), 413),
    ]
    for query, media, body, status in tried:
        answer = target.stack.request("POST", f"/jobs{query}", headers={"Content-Type": media}, content=body)
        assert answer.status_code == status and "secret" not in answer.text, (query, media, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
    how = {"headers": {"Content-Type": "image/../../x"}, "content": pdf}
    named = target.stack.request("POST", "/jobs?filename=..%2F..%2Fetc%2Fpasswd", **how).json()  # type: ignore[arg-type]
    assert named["filename"] == "passwd"
    return "400, 413, 415 and 422 as problem documents; the name is shown without its path"


def wrong_languages(target: Target) -> str:
    """languages with paths, options of Tesseract, no sense, and ten thousand of them"""
    tried = ["../../etc/passwd", "eng+osd", "-l eng", "$(id)", "de;rm", "\x00", "de," * 10_000, "x" * 100_000]
    answers = [target.stack.post("/jobs", pdfs.numbered(1), languages=text) for text in tried]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(422, "request.option")}
    return f"422 request.option for all {len(answers)}"


def malformed(target: Target) -> str:
    """request lines, headers and chunks that no parser should accept, and two ways to smuggle a request"""
    requests = [
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n",
        "GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n" + "X: y\r\n" * 200 + "\r\n",
        f"POST /jobs HTTP/1.1\r\nHost: localhost\r\n{_key()}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
        "0\r\n\r\n",
        f"POST /jobs HTTP/1.1\r\nHost: localhost\r\n{_key()}Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        f"POST /jobs HTTP/1.1\r\nHost: localhost\r\n{_key()}{_FORM}Transfer-Encoding: chunked\r\nConnection: close\r\n"
        "\r\nxyz\r\n",
    ]
    answers = [_raw(target.stack.url, request) for request in requests]
    assert all(answer.startswith(b"HTTP/1.1 4") and b"application/problem+json" in answer for answer in answers), (
        answers
    )
    return f"4xx as a problem document for all {len(answers)} requests; the connection is closed"


def large_uploads(target: Target) -> str:
    """a body of 100 MB, one that claims 10 GB, and a form of 5000 fields"""
    big = _raw(
        target.stack.url, f"POST /jobs HTTP/1.1\r\nHost: localhost\r\n{_key()}{_FORM}Content-Length: 104857600\r\n\r\n"
    )
    huge = _raw(
        target.stack.url, f"POST /jobs HTTP/1.1\r\nHost: localhost\r\n{_key()}{_FORM}Content-Length: 9999999999\r\n\r\n"
    )
    fields = target.stack.request(
        "POST", "/jobs", data={f"f{number}": "x" for number in range(5000)}, files={"a": b"x"}
    )
    statuses = [int(big.split()[1]), int(huge.split()[1]), fields.status_code]
    assert set(statuses[:2]) <= {413, 503} and statuses[2] in (400, 413), statuses
    return ", ".join(map(str, statuses)) + ", before the body was read"


def private_webhooks(target: Target) -> str:
    """callbacks to this machine and to private networks, written in several ways"""
    urls = ["http://127.0.0.1/", "http://localhost:6379/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://0/",
            "http://2130706433/", "http://0x7f.1/", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/",
            "file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "http://127.0.0.1.nip.invalid/"]  # fmt: skip
    answers = [target.stack.post("/jobs", pdfs.numbered(1), callback_url=url) for url in urls]
    assert {answer.status_code for answer in answers} == {422}, [answer.text for answer in answers]
    return ", ".join(sorted({answer.json()["code"] for answer in answers}))


# --- Too much ---------------------------------------------------------------------------------------------------------


def stalled_bodies(target: Target) -> str:
    """twenty uploads that stop in the middle (limit of the test: 2 s)"""
    head = f"POST /jobs HTTP/1.1\r\nHost: localhost\r\n{_key()}{_FORM}Content-Length: 9999\r\n\r\n--x\r\n".encode()
    with ExitStack() as connections:
        sockets = [connections.enter_context(_connected(target.stack.url)) for _ in range(20)]
        for connection in sockets:
            connection.sendall(head)
        started_s = time.monotonic()
        assert httpx.get(f"{target.stack.url}/jobs", headers=BOBS).status_code == 200
        other_s = time.monotonic() - started_s
        answers = [_read(connection) for connection in sockets]
    statuses = sorted({answer.split()[1].decode() for answer in answers})
    assert set(statuses) <= {"408", "429"} and "408" in statuses and other_s < 2, statuses
    return f"{' and '.join(statuses)}; another owner waited {other_s:.1f} s"


def slow_headers(target: Target) -> str:
    """fifty connections that never finish their headers"""
    with ExitStack() as connections:
        sockets = [connections.enter_context(_connected(target.stack.url)) for _ in range(50)]
        for connection in sockets:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow")
        started_s = time.monotonic()
        assert httpx.get(f"{target.stack.url}/jobs", headers=BOBS).status_code == 200
        for connection in sockets:
            _read(connection)
    return f"all closed after {time.monotonic() - started_s:.0f} s"


def image_flood(target: Target) -> str:
    """400 requests of one owner for images of pages, at the same time"""
    book = target.stack.submit(pdfs.numbered(200))
    address = urlsplit(target.stack.url)
    with ExitStack() as connections:
        sockets = []
        for number in range(1, 401):
            connection = connections.enter_context(_connected(target.stack.url))
            path = f"/jobs/{book}/pages/{number}/image?dpi=300&format=png"
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n{_key()}\r\n".encode())
            sockets.append(connection)
        started_s = time.monotonic()
        assert httpx.get(f"{target.stack.url}/jobs", headers=BOBS, timeout=30).status_code == 200
        other_s = time.monotonic() - started_s
        wait_for(lambda: len(select.select(sockets, [], [], 0)[0]) >= 300, what="300 answers", within_s=60)
        answers = [connection.recv(1000) for connection in select.select(sockets, [], [], 0)[0]]
    refused = sum(answer.startswith(b"HTTP/1.1 429") for answer in answers)
    target.stack.request("DELETE", f"/jobs/{book}")
    assert refused > 100 and other_s < 3
    return f"429 limit.page_images for {refused}; another owner waited {other_s:.1f} s"


def stream_flood(target: Target) -> str:
    """100 event streams of one owner (limit of the test: 20)"""
    book = target.stack.submit(pdfs.numbered(200))
    with ExitStack() as connections:
        sockets = [connections.enter_context(_connected(target.stack.url)) for _ in range(100)]
        for connection in sockets:
            connection.sendall(f"GET /jobs/{book}/events HTTP/1.1\r\nHost: localhost\r\n{_key()}\r\n".encode())
        answers = [connection.recv(1000) for connection in sockets]
    target.stack.request("DELETE", f"/jobs/{book}")
    refused = sum(answer.startswith(b"HTTP/1.1 429") for answer in answers)
    assert refused == 80, refused
    return "429 limit.event_streams for 80"


def request_flood(target: Target) -> str:
    """300 requests of one owner in a row (limit of the test: 100 in a minute)"""
    with httpx.Client(base_url=target.hasty_url, headers=ALICES, timeout=30) as client:
        answers = [client.get("/jobs?limit=1") for _ in range(300)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 100 and all(1 <= int(answer.headers["Retry-After"]) <= 61 for answer in refused)
    assert httpx.get(f"{target.hasty_url}/jobs", headers=BOBS).status_code == 200
    return f"429 limit.requests for {len(refused)}, with the rest of the minute as Retry-After"


def queue_flood(target: Target) -> str:
    """64 jobs of one owner at once (limit of the test: 30), then more until refused; another owner's job"""
    files = [("files", (f"{number}.pdf", pdfs.numbered(3))) for number in range(64)]
    answer = target.stack.request("POST", "/jobs", files=files)
    assert (answer.status_code, answer.json()["code"]) == (429, "limit.pending_jobs"), answer.text
    many = [("files", (f"{number}.pdf", pdfs.numbered(3))) for number in range(25)]
    assert target.stack.request("POST", "/jobs", files=many).status_code == 202
    started_s = time.monotonic()
    done = httpx.post(f"{target.stack.url}/process-pdf", headers=BOBS, timeout=60,
                      files={"file": ("a.pdf", pdfs.numbered(3))})  # fmt: skip
    other_s = time.monotonic() - started_s
    assert done.status_code == 200 and other_s < 10
    wait_for(lambda: target.stack.get("/").json()["queue"]["pending_jobs"] == 0, what="an empty queue")
    return (
        f"429 limit.pending_jobs, Retry-After {answer.headers['Retry-After']}; another owner's job took {other_s:.1f} s"
    )


# --- Documents --------------------------------------------------------------------------------------------------------


def bad_pages(target: Target) -> str:
    """pages that crash, hang, allocate without end, raise, or return garbage, between good pages"""
    colours = [(0, 1, 0), KILL, (0, 2, 0), HANG, (0, 3, 0), ALLOCATE, (0, 4, 0), RAISE, (0, 5, 0), GARBAGE, (0, 6, 0)]
    job_id = target.stack.submit(pdfs.coloured(colours))
    assert target.stack.wait_end(job_id, within_s=120)["status"] == "partial"
    pages = target.stack.document(job_id)["pages"]
    assert [page["text"] for page in pages[::2]] == [f"page {number}" for number in range(1, 7)]
    codes = [page["error"]["code"] for page in pages if page["error"]]
    return f"the good pages are read; the others: {', '.join(codes)}"


def bad_images(target: Target) -> str:
    """a picture of 256 million pixels in 30 kB, one that ends early, and a TIFF whose directory is its own successor"""
    whole = images.saved(images.patches(), "PNG")
    loop = b"II*\0\x08\0\0\0" + bytes(2) + (8).to_bytes(4, "little")
    codes = []
    for data in (images.png_bomb(), whole[: len(whole) // 2], loop):
        job_id = target.stack.submit(data)
        assert target.stack.wait_end(job_id, within_s=120)["status"] == "failed"
        codes.append(target.stack.status(job_id)["error"]["code"])
    assert set(codes) <= {"image.too_large", "image.unreadable"}, codes
    return ", ".join(codes)


def secrets_in_logs(target: Target) -> str:
    """after all of this: keys and webhook secrets in logs and in Redis"""
    written = b"".join(log.read_bytes() for log in target.stack.folder.glob("*.log"))
    keys = b"".join(target.stack.redis.keys("*"))
    for secret in (ALICE, BOB, SETTINGS["SLIMGEST_WEBHOOK_SECRET"]):
        assert secret.encode() not in written + keys
    assert b"Traceback" not in b"".join(log.read_bytes() for log in target.stack.folder.glob("api*.log"))
    return "none; no traceback in the API's log"


def breaking_out(folder: Path) -> str:
    """code in a worker child: read a file, write, delete, start a shell, connect, listen, Unix socket, /proc"""
    outside = folder / "outside"
    for path in (outside, folder / "tmp"):
        path.mkdir()
    (outside / "secret").write_text("a secret")
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        env = {SECRET: str(outside / "secret"), OUTSIDE: str(outside / "new"), PORT: str(elsewhere.getsockname()[1])}
        engine = {"SLIMGEST_ENGINE": "tests.support.intruder:Intruder", "TMPDIR": str(folder / "tmp")}
        with running(folder, workers=1, **engine, **env) as stack:
            job_id = stack.submit(pdfs.coloured([(0, 1, 0), *((1, number, 0) for number in range(len(ATTEMPTS)))]))
            stack.wait_end(job_id)
            pages = stack.document(job_id)["pages"]
    failed = [page for page in pages if page["error"]]
    if missing := missing_support():
        return f"not limited by this kernel: {', '.join(missing)}; refused: {len(failed)} of {len(ATTEMPTS)}"
    assert pages[0]["text"] == "page 1" and len(failed) == len(ATTEMPTS), pages
    assert [path.name for path in outside.iterdir()] == ["secret"]
    return f"all {len(ATTEMPTS)} refused by the kernel; only their pages failed"


ATTACKS: tuple[Attack, ...] = (
    no_key, foreign_job, dns_rebinding, cross_site, forged_proxy_headers, traversal, file_name, raw_bodies,
    wrong_languages, malformed, large_uploads, private_webhooks, stalled_bodies, slow_headers, stream_flood,
    request_flood, queue_flood, image_flood, bad_pages, bad_images, secrets_in_logs,
)  # fmt: skip


# --- Running them -----------------------------------------------------------------------------------------------------

_FORM = "Content-Type: multipart/form-data; boundary=x\r\n"


def _key() -> str:
    return f"Authorization: Bearer {ALICE}\r\n"


def _connected(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def _read(connection: socket.socket) -> bytes:
    """Return all that the server sends until it closes the connection."""
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def _raw(url: str, request: str) -> bytes:
    with _connected(url) as connection:
        connection.sendall(request.encode())
        return _read(connection)


def attack(folder: Path) -> list[tuple[str, str, bool]]:
    """Run all attacks. Return what was tried, what came back, and True if the service held."""
    (folder / "service").mkdir()
    with running(folder / "service", bearer=ALICE, TEST_ENGINE_SECONDS="0.05", **SETTINGS) as stack:
        target = Target(
            stack=stack,
            open_url=stack.start_api(SLIMGEST_API_KEYS=""),
            hasty_url=stack.start_api(SLIMGEST_OWNER_REQUESTS_PER_MINUTE="100"),
        )
        rows = [_try(one.__doc__ or "", lambda one=one: one(target)) for one in ATTACKS]  # type: ignore[misc]
    (folder / "sandbox").mkdir()
    return [*rows, _try(breaking_out.__doc__ or "", lambda: breaking_out(folder / "sandbox"))]


def _try(tried: str, run: Callable[[], str]) -> tuple[str, str, bool]:
    try:
        return tried, run(), True
    except Exception as error:  # the table is complete even if one attack succeeds
        return tried, f"**{type(error).__name__}**: {str(error)[:300]}", False


def write_table(rows: list[tuple[str, str, bool]], target: Path) -> None:
    """Write docs/security-tests.md."""
    lines = [
        "# Security tests",
        "",
        f"Written by `make attack` ({datetime.now(UTC):%Y-%m-%d}, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}).",
        "A service with two API keys, two workers and low limits, attacked on loopback; without keys where the table",
        "says so.",
        "The attacks are in `tests/faults/attack.py`; what is promised is in [SECURITY.md](../SECURITY.md).",
        "",
        "| what was tried | what came back | held |",
        "|---|---|---|",
        *(
            f"| {tried} | {came_back.replace('|', '/')} | {'yes' if held else '**no**'} |"
            for tried, came_back, held in rows
        ),
        "",
        f"{sum(held for *_, held in rows)} of {len(rows)} held.",
    ]
    target.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Attack, write the table, and exit with 1 if anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "security-tests.md")
    out: Path = parser.parse_args().out
    with tempfile.TemporaryDirectory(prefix="slimgest-attack-") as folder:
        rows = attack(Path(folder))
    write_table(rows, out)
    for tried, came_back, held in rows:
        print("held" if held else "FAILED", "-", tried, "->", came_back.replace("\n", " "))
    sys.exit(not all(held for *_, held in rows))


if __name__ == "__main__":
    main()
