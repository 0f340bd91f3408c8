"""The limits of one owner, over HTTP: code, `Retry-After`, metric, and the other owner."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from slimgest_celery.api_keys import make_key
from slimgest_celery.state.job_state import JobState
from tests.support import pdfs
from tests.support.stack import Stack, running, wait_for

ALICE, ALICES_PAIR = make_key("alice")
BOB, BOBS_PAIR = make_key("bob")
BOBS = {"Authorization": f"Bearer {BOB}"}
LIMITS = {
    "SLIMGEST_OWNER_PENDING_JOBS": "3",
    "SLIMGEST_OWNER_PENDING_PAGES": "100",
    "SLIMGEST_OWNER_UPLOADS": "2",
    "SLIMGEST_OWNER_EVENT_STREAMS": "2",
}


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Stack]:
    """A service without workers: jobs stay pending."""
    keys = {"SLIMGEST_API_KEYS": f"{ALICES_PAIR},{BOBS_PAIR}"}
    with running(tmp_path, workers=0, bearer=ALICE, **keys, **LIMITS) as started:
        yield started


def _check_refused(stack: Stack, answer: httpx.Response, code: str, status: int = 429) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert 1 <= int(answer.headers["Retry-After"]) <= 600 and answer.json()["retryable"]
    assert f'slimgest_refusals_total{{code="{code}"}} 1.0' in stack.get("/metrics", headers=BOBS).text


def _send(stack: Stack, **headers: str) -> httpx.Response:
    return stack.request("POST", "/jobs", headers=headers, files={"file": ("a.pdf", pdfs.numbered(1))})


def test_pending_jobs_and_pages_of_one_owner_are_limited(limited: Stack) -> None:
    job_ids = [_send(limited).json()["job_id"] for _ in range(3)]
    _check_refused(limited, _send(limited), "limit.pending_jobs")
    limited.request("DELETE", f"/jobs/{job_ids[0]}")
    JobState(limited.redis, 60).set_total_pages(job_ids[1], 500)
    answers = []

    def is_refused_for_pages() -> bool:  # the pages are counted once a second
        answers.append(_send(limited))
        if answers[-1].status_code == 202:  # it took the last place of a pending job
            limited.request("DELETE", f"/jobs/{answers[-1].json()['job_id']}")
        return bool(answers[-1].json().get("code") == "limit.pending_pages")

    wait_for(is_refused_for_pages, what="the count of the pages", within_s=30)
    _check_refused(limited, answers[-1], "limit.pending_pages")
    assert _send(limited, **BOBS).status_code == 202


def test_event_streams_of_one_owner_are_limited_and_free_their_places(limited: Stack) -> None:
    job_id = limited.submit(pdfs.numbered(1))
    with ExitStack() as streams:
        for _ in range(2):
            how = {"headers": limited.headers, "timeout": 30}
            streams.enter_context(httpx.stream("GET", f"{limited.url}/jobs/{job_id}/events", **how))  # type: ignore[arg-type]
        _check_refused(limited, limited.get(f"/jobs/{job_id}/events"), "limit.event_streams")
        waiting = limited.request("POST", "/process-pdf", files={"file": ("a.pdf", pdfs.numbered(1))})
        assert waiting.json()["code"] == "limit.event_streams"
        bobs = limited.request("POST", "/jobs", headers=BOBS, files={"file": ("a.pdf", pdfs.numbered(1))}).json()
        url = f"{limited.url}/jobs/{bobs['job_id']}/events"
        streams.enter_context(httpx.stream("GET", url, headers=BOBS, timeout=30))
    limited.request("DELETE", f"/jobs/{job_id}")  # its event is the write that shows that the clients have left
    other = limited.submit(pdfs.numbered(1))

    def is_free() -> bool:
        with httpx.stream("GET", f"{limited.url}/jobs/{other}/events", headers=limited.headers, timeout=30) as answer:
            return answer.status_code == 200

    wait_for(is_free, what="a free place", within_s=30)


def test_simultaneous_uploads_of_one_owner_are_limited(limited: Stack) -> None:
    address = urlsplit(limited.url)
    head = (
        f"POST /jobs HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {ALICE}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n--x\r\n"
    )
    with ExitStack() as uploads:
        for _ in range(2):
            connection = uploads.enter_context(socket.create_connection((address.hostname, address.port)))
            connection.sendall(head.encode())

        def is_refused() -> bool:  # before, it may be refused for its pending jobs
            return bool(_send(limited).json().get("code") == "limit.uploads")

        wait_for(is_refused, what="two uploads", within_s=30)
        assert _send(limited, **BOBS).status_code == 202
    wait_for(lambda: not is_refused(), what="a free place", within_s=30)
    assert 'code="limit.uploads"' in limited.get("/metrics").text


def test_requests_in_a_minute_are_limited_except_health_checks(limited: Stack) -> None:
    url = limited.start_api(SLIMGEST_OWNER_REQUESTS_PER_MINUTE="5")
    answers = []

    def is_refused() -> bool:  # a new minute may begin in between
        answers.append(httpx.get(f"{url}/jobs", headers=limited.headers))
        return answers[-1].status_code == 429

    wait_for(is_refused, what="more than five requests in a minute")
    assert len(answers) > 5
    _check_refused(limited, answers[-1], "limit.requests")
    assert int(answers[-1].headers["Retry-After"]) <= 61
    assert httpx.get(f"{url}/jobs", headers=BOBS).status_code == 200
    assert httpx.get(f"{url}/health/live").status_code == 200


def test_an_upload_is_refused_before_it_is_read_if_too_little_space_would_remain(limited: Stack) -> None:
    url = limited.start_api(SLIMGEST_MIN_FREE_MB="1000000000")
    files = {"file": ("a.pdf", pdfs.numbered(1))}
    answer = httpx.post(f"{url}/jobs", headers=limited.headers, files=files)
    _check_refused(limited, answer, "storage.low_space", status=503)
