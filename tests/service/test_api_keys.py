"""API keys, idempotency keys, retries, headers, and Redis behind passwords and TLS."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis

from slimgest_celery.api_keys import make_key
from slimgest_celery.client import ApiError, Client
from tests.support import pdfs
from tests.support.engines import RAISE, RAISE_ONCE
from tests.support.processes import embedded_redis
from tests.support.stack import ROOT, Stack, running
from tests.support.tls import tls_in_front_of

ALICE, ALICES_PAIR = make_key("alice")
BOB, BOBS_PAIR = make_key("bob")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service with two API keys and a log in JSON."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = {"SLIMGEST_API_KEYS": f"{ALICES_PAIR}, {BOBS_PAIR}", "SLIMGEST_CORS_ORIGINS": "https://ours.example"}
    once = {"TEST_ENGINE_ONCE": str(folder), "SLIMGEST_LOG_FORMAT": "json"}
    with running(folder, workers=1, bearer=ALICE, **keys, **once) as started:
        yield started


def _as(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_without_a_key_only_health_answers(guarded: Stack) -> None:
    for path in ("/", "/jobs", "/nowhere"):
        answer = httpx.get(guarded.url + path)
        assert _code(answer) == (401, "access.key_missing") and "Bearer" in answer.headers["WWW-Authenticate"]
    assert _code(httpx.post(f"{guarded.url}/process-pdf", files={"file": b"x"})) == (401, "access.key_missing")
    assert _code(httpx.get(guarded.url, headers=_as("slim_wrong"))) == (401, "access.key_unknown")
    strange = {b"Authorization": "Bearer é".encode("latin-1")}
    assert _code(httpx.get(guarded.url, headers=strange)) == (401, "access.key_unknown")
    assert httpx.get(f"{guarded.url}/health/live").status_code == 200


def test_a_job_is_visible_only_to_the_key_that_created_it(guarded: Stack) -> None:
    with Client(guarded.url, ALICE) as alice, Client(guarded.url, BOB) as bob:
        pdf = guarded.folder / "a.pdf"
        pdf.write_bytes(pdfs.numbered(30))
        job_id = alice.submit(pdf).job_id
        for see in (
            bob.status,
            bob.result,
            bob.cancel,
            bob.retry,
            lambda job: bob.page(job, 1),
            lambda job: list(bob.stream(job)),
        ):
            with pytest.raises(ApiError) as refused:
                see(job_id)
            assert (refused.value.status, refused.value.problem_code) == (404, "job.unknown")
        assert bob.list() == [] and [entry.job_id for entry in alice.list()] == [job_id]
        assert all(worker["job_id"] is None for worker in bob.service()["workers"])
        for _ in alice.stream(job_id):
            pass
        assert alice.result(job_id).pages[29].text == "page 30"


def test_keys_and_passwords_are_in_no_log_no_answer_and_no_message(guarded: Stack) -> None:
    secret = "open-sesame-7731"
    locked = pdfs.text_pages(["x"], password=secret)
    guarded.wait_end(guarded.submit(locked, password=secret))
    kept = b"".join(log.read_bytes() for log in guarded.folder.glob("*.log"))
    kept += json.dumps(guarded.get("/").json()).encode()
    kept += b"".join(repr(_value(guarded, key)).encode() for key in guarded.redis.keys("*"))
    for hidden in (secret, ALICE, ALICES_PAIR.partition(":")[2], str(guarded.settings.redis_url)):
        assert hidden.encode() not in kept


def _value(stack: Stack, key: bytes) -> object:
    kind = stack.redis.type(key)
    read = {
        b"hash": stack.redis.hgetall,
        b"string": stack.redis.get,
        b"stream": stack.redis.xrange,
        b"set": stack.redis.smembers,
    }
    return (
        read[kind](key)
        if kind in read
        else stack.redis.zrange(key, 0, -1)
        if kind == b"zset"
        else stack.redis.lrange(key, 0, -1)
    )


def test_the_log_entries_of_a_job_have_its_id(guarded: Stack) -> None:
    sent = guarded.post("/jobs", pdfs.numbered(2), request_id="req-4711")
    assert sent.headers["X-Request-ID"] == "req-4711"
    job_id = sent.json()["job_id"]
    guarded.wait_end(job_id)
    lines = [line for log in ("api.log", "cpu0.log") for line in (guarded.folder / log).read_text().splitlines()]
    entries = [entry for line in lines if line.startswith("{") and (entry := json.loads(line)).get("job_id") == job_id]
    assert [entry["event"] for entry in sorted(entries, key=lambda entry: entry["time"])] == [
        "job accepted", "job planned", "page read", "page read", "job ended",
    ]  # fmt: skip
    assert {entry.get("request_id") for entry in entries if entry["event"] in ("job accepted", "job planned")} == {
        "req-4711"
    }
    page = next(entry for entry in entries if entry["event"] == "page read")
    assert page["worker"].startswith("cpu0@") and page["attempt"] == 1 and page["page_number"] in (1, 2)


def test_every_answer_has_security_headers_and_cors_is_off_by_default(guarded: Stack) -> None:
    answer = guarded.get("/jobs", headers={"Origin": "https://evil.example"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in answer.headers
    ours = httpx.options(f"{guarded.url}/jobs", headers={"Origin": "https://ours.example"})
    assert ours.headers["Access-Control-Allow-Origin"] == "https://ours.example" and ours.status_code == 200


@pytest.mark.parametrize("module", ["api", "workers"])
def test_an_address_that_other_machines_reach_needs_keys(module: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", module, *(["up"] if module == "workers" else []), "--host", "0.0.0.0"]
    env = {"PATH": "/usr/bin", "SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "--insecure" in done.stderr and "slimgest key" in done.stderr


# --- Idempotency ------------------------------------------------------------------------------------------------------


def _send(stack: Stack, key: str, pdf: bytes, **form: str) -> httpx.Response:
    headers = {"Idempotency-Key": key}
    return httpx.post(f"{stack.url}/jobs", files={"file": ("a.pdf", pdf)}, data=form, headers=headers, timeout=60)


def test_the_same_key_and_body_create_one_job_and_another_body_is_refused(stack: Stack) -> None:
    pdf = pdfs.numbered(1)
    first, second = _send(stack, "key-1", pdf), _send(stack, "key-1", pdf)
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert _code(_send(stack, "key-1", pdfs.numbered(2))) == (409, "request.key_reused")
    assert _code(_send(stack, "key-1", pdf, dpi="200")) == (409, "request.key_reused")
    assert _send(stack, "key-2", pdf).json()["job_id"] != first.json()["job_id"]
    assert _code(_send(stack, "k" * 300, pdf)) == (422, "request.option")


def test_simultaneous_requests_with_one_key_create_one_job(stack: Stack) -> None:
    together, answers, pdf = threading.Barrier(8), [], pdfs.numbered(3)

    def send() -> None:
        together.wait()
        answers.append(_send(stack, "key-at-once", pdf))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["job_id"] for answer in answers}) == 1


def test_the_key_of_a_refused_request_can_be_used_again(stack: Stack) -> None:
    assert _code(_send(stack, "key-3", b"no pdf")) == (415, "upload.not_pdf")
    assert _send(stack, "key-3", pdfs.numbered(1)).status_code == 202


# --- Retry ------------------------------------------------------------------------------------------------------------


def test_retry_reads_only_the_failed_pages_again_under_the_same_id(guarded: Stack) -> None:
    job_id = guarded.submit(pdfs.coloured([(0, 1, 0), RAISE_ONCE, (0, 3, 0)]))
    before = guarded.wait_end(job_id)
    assert (before["status"], before["pages_failed"]) == ("partial", 1)
    kept = {page["page_number"]: page for page in guarded.document(job_id)["pages"] if page["status"] == "ok"}
    last = list(guarded.events(job_id))[-1]
    retried = guarded.request("POST", f"/jobs/{job_id}/retry")
    assert retried.status_code == 202 and retried.json()["job_id"] == job_id
    after = guarded.wait_end(job_id)
    assert (after["status"], after["pages_failed"], after["pages_done"]) == ("completed", 0, 3)
    pages = {page["page_number"]: page for page in guarded.document(job_id)["pages"]}
    assert pages[2]["text"] == "page 255" and {n: pages[n] for n in kept} == kept, "good pages were read again"
    resumed = list(guarded.events(job_id, after=last.id))
    assert [(event.type, event.data.get("page_number")) for event in resumed] == [("page", 2), ("complete", None)]
    whole = list(guarded.events(job_id))
    assert [event.type for event in whole if event.last] == ["complete"] and whole[-1] == resumed[-1]


def test_selected_pages_are_retried_and_other_requests_are_refused(guarded: Stack) -> None:
    job_id = guarded.submit(pdfs.numbered(3))
    guarded.wait_end(job_id)
    assert _code(guarded.request("POST", f"/jobs/{job_id}/retry")) == (422, "request.option")
    assert _code(guarded.request("POST", f"/jobs/{job_id}/retry?pages=9")) == (422, "request.option")
    assert _code(guarded.request("POST", f"/jobs/{job_id}/retry?pages=x")) == (422, "request.option")
    assert guarded.request("POST", f"/jobs/{job_id}/retry?pages=2-3").status_code == 202
    assert guarded.wait_end(job_id)["status"] == "completed"
    running_job = guarded.submit(pdfs.numbered(200))
    assert _code(guarded.request("POST", f"/jobs/{running_job}/retry")) == (409, "job.running")
    guarded.request("DELETE", f"/jobs/{running_job}")
    resumed = guarded.request("POST", f"/jobs/{running_job}/retry")
    assert resumed.status_code == 202
    assert guarded.wait_end(running_job)["status"] == "completed", "a cancelled job can be resumed"
    assert len(guarded.document(running_job)["pages"]) == 200


def test_retry_of_an_encrypted_pdf_needs_its_password_again(guarded: Stack) -> None:
    job_id = guarded.submit(pdfs.text_pages(["The secret."], password="sesame"), password="wrong")
    assert guarded.wait_end(job_id)["error"]["code"] == "pdf.wrong_password"
    retried = guarded.request("POST", f"/jobs/{job_id}/retry", data={"password": "sesame"})
    assert retried.status_code == 202
    assert guarded.wait_end(job_id)["status"] == "completed"
    assert guarded.document(job_id)["pages"][0]["text"] == "The secret."
    assert guarded.files.password(job_id) is None


# --- Redis with passwords, users and TLS ------------------------------------------------------------------------------


def test_a_job_completes_on_a_redis_with_tls_and_an_acl_user(tmp_path: Path) -> None:
    with embedded_redis(tmp_path / "redis") as url:
        with Redis.from_url(url) as admin:
            admin.acl_setuser(
                "slim", enabled=True, passwords=["+p4ss"], categories=["+@all"], keys=["*"], channels=["*"]
            )
        port = int(url.rpartition(":")[2].partition("/")[0])
        with tls_in_front_of(port, tmp_path) as (tls_port, authority):
            guarded_url = f"rediss://slim:p4ss@localhost:{tls_port}/0"
            with running(tmp_path, workers=1, redis_url=guarded_url, SSL_CERT_FILE=str(authority)) as stack:
                job_id = stack.submit(pdfs.numbered(3))
                assert stack.wait_end(job_id)["status"] == "completed"
                assert [event.type for event in stack.events(job_id)] == ["start", "page", "page", "page", "complete"]
            assert "p4ss" not in (tmp_path / "cpu0.log").read_text()


def test_the_answer_for_a_failed_page_contains_no_exception(stack: Stack) -> None:
    answer = stack.post("/process-pdf", pdfs.coloured([RAISE]))
    assert _code(answer) == (422, "job.all_pages_failed")
    assert "ValueError" not in answer.text and "this page makes the engine fail" not in answer.text
