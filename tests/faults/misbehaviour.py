"""Clients that misbehave, for `make soak`: each function is one act of one client, and returns what came back.

A status of 400 or more is returned with the problem's code. No act lasts much longer than a minute.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from tests.faults.fuzz import mutant
from tests.support import pdfs

EVIL = {"Origin": "https://evil.example"}
_FLOOD = 40  # requests at the same time
_WAIT_S = 60


@dataclass(frozen=True, kw_only=True)
class Mallory:
    """A client with a key of its own, and the address of an API process that needs no keys."""

    url: str
    open_url: str
    key: str
    valid: list[bytes]  # PDFs, of which it damages some
    accepted: list[str] = field(default_factory=list)  # the ids of its jobs

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def request(self, method: str, path: str, **how: object) -> httpx.Response:
        return httpx.request(method, self.url + path, headers=self.headers, timeout=_WAIT_S, **how)  # type: ignore[arg-type]

    def submit(self, pdf: bytes) -> str:
        """Submit a job; return its id. If it is refused for too many pending ones, that of an earlier job."""
        if job_id := self.request("POST", "/jobs", files={"file": ("a.pdf", pdf)}).json().get("job_id"):
            self.accepted.append(job_id)
        return self.accepted[-1]

    def connect(self, head: str) -> socket.socket:
        """Send the head of a request on a connection of its own. Its small buffer fills soon."""
        address = urlsplit(self.url)
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(_WAIT_S)
        connection.connect((address.hostname, address.port))
        lines = [head, f"Host: {address.netloc}", f"Authorization: Bearer {self.key}", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        return connection


Act = Callable[[Mallory, random.Random], str]


def slow_reader(mallory: Mallory, rng: random.Random) -> str:
    """reads a large result a few bytes at a time, then leaves"""
    job_id = mallory.submit(pdfs.text_pages([f"Line {line} of a long page." * 50 for line in range(20)]))
    path = f"/jobs/{job_id}/" + rng.choice(["result?format=hocr", "result?format=json", "events"])
    until_s = time.monotonic() + _WAIT_S
    while mallory.request("GET", f"/jobs/{job_id}/result").status_code == 409 and time.monotonic() < until_s:
        time.sleep(1)
    with mallory.connect(f"GET {path} HTTP/1.1") as connection:
        answer = b""
        for _ in range(40):
            answer += connection.recv(16)
            time.sleep(0.2)
    return answer.split()[1].decode() + ", not read to its end"


def stalled_upload(mallory: Mallory, rng: random.Random) -> str:
    """stops in the middle of an upload, and waits"""
    form = rng.choice(["multipart/form-data; boundary=x", "application/pdf"])
    length = rng.choice(["Content-Length: 99999", "Transfer-Encoding: chunked"])
    with mallory.connect(f"POST /jobs HTTP/1.1\r\nContent-Type: {form}\r\n{length}") as connection:
        connection.sendall(b"5\r\n%PDF-" if "chunked" in length else b"--x\r\n%PDF-1.7")
        return connection.recv(4096).split()[1].decode()


def leaves_streams(mallory: Mallory, rng: random.Random) -> str:
    """follows a job's events and disconnects, thirty times"""
    job_id = mallory.submit(pdfs.numbered(10))
    for _ in range(30):
        with mallory.connect(f"GET /jobs/{job_id}/events HTTP/1.1") as connection:
            status = connection.recv(rng.randrange(16, 400)).split()[1].decode()
    return status


def upload_flood(mallory: Mallory, rng: random.Random) -> str:
    """sends 40 jobs at the same time"""
    return _flood(lambda _: mallory.request("POST", "/jobs", files={"file": ("a.pdf", pdfs.numbered(2))}))


def image_flood(mallory: Mallory, rng: random.Random) -> str:
    """asks for 40 images of pages at the same time"""
    job_id, dpi = mallory.submit(pdfs.numbered(_FLOOD)), rng.choice([50, 300])
    return _flood(lambda number: mallory.request("GET", f"/jobs/{job_id}/pages/{number + 1}/image?dpi={dpi}"))


def bad_file(mallory: Mallory, rng: random.Random) -> str:
    """sends a damaged PDF, an image that ends early, or something else, as a form or as the body"""
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + rng.randbytes(rng.randrange(200))
    tiff = b"II*\0\x08\0\0\0" + rng.randbytes(100)
    data = rng.choice([mutant(rng.randrange(10**9), 7, mallory.valid), png, tiff, b"", b"%PDF-", rng.randbytes(5000)])
    if rng.randrange(2):
        return _outcome(mallory.request("POST", "/jobs", files={"file": ("\x00/../" * 50 + ".pdf", data)}))
    how = {"headers": {**mallory.headers, "Content-Type": rng.choice(["application/pdf", "image/png", "image/tiff"])}}
    return _outcome(httpx.post(f"{mallory.url}/jobs?filename=%0d%0a&pages=1-", content=data, timeout=_WAIT_S, **how))  # type: ignore[arg-type]


def cross_site(mallory: Mallory, rng: random.Random) -> str:
    """is a foreign web page, at a service without keys"""
    files = {"file": ("a.pdf", pdfs.numbered(1))}
    how = rng.choice([EVIL, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}])
    return _outcome(httpx.post(f"{mallory.open_url}/jobs", headers=how, files=files, timeout=_WAIT_S))


def guesses(mallory: Mallory, rng: random.Random) -> str:
    """asks for, cancels and deletes jobs that are not its own"""
    job_id = f"{rng.getrandbits(32):08x}-0000-4000-8000-000000000000"
    method, path = rng.choice([("GET", ""), ("GET", "/result"), ("DELETE", ""), ("DELETE", "?purge=true")])
    return _outcome(mallory.request(method, f"/jobs/{job_id}{path}"))


def deletes(mallory: Mallory, rng: random.Random) -> str:
    """deletes a job for good while it is read"""
    job_id = mallory.submit(pdfs.numbered(20))
    time.sleep(rng.random())
    return _outcome(mallory.request("DELETE", f"/jobs/{job_id}?purge=true"))


ACTS: tuple[Act, ...] = (
    slow_reader, stalled_upload, leaves_streams, upload_flood, image_flood, bad_file, cross_site, guesses, deletes,
)  # fmt: skip


def _flood(send: Callable[[int], httpx.Response]) -> str:
    with ThreadPoolExecutor(_FLOOD) as pool:
        return ", ".join(sorted({_outcome(answer) for answer in pool.map(send, range(_FLOOD))}))


def _outcome(answer: httpx.Response) -> str:
    code = answer.json().get("code", "") if answer.status_code >= 400 else ""
    return f"{answer.status_code} {code}".strip()
