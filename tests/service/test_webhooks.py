"""Webhooks: a real service, real receivers, and failures between them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner
from standardwebhooks import WebhookVerificationError

from slimgest_celery.api_keys import make_key
from slimgest_celery.cli.main import main
from slimgest_celery.client import Client
from slimgest_celery.config import Settings
from slimgest_celery.errors import CallbackRefused, CallbackTimeout, CallbackUnreachable
from slimgest_celery.webhooks import http
from slimgest_celery.webhooks.signing import make_secret, secret_for
from tests.support import pdfs
from tests.support.receiver import Receiver, dripping, receiving, redirect_to, silent_until
from tests.support.stack import Stack, running, wait_for
from tests.support.tls import tls_in_front_of

KEY, PAIR = make_key("alice")
BOB, BOBS_PAIR = make_key("bob")
OLD, NEW = make_secret(), make_secret()
MINE = secret_for(NEW, "alice")
NEAR = {"SLIMGEST_CALLBACK_NETWORKS": "127.0.0.0/8", "SLIMGEST_CALLBACK_TIMEOUT": "2"}


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service that may call 127.0.0.0/8, during a change of its secret."""
    secret = {"SLIMGEST_API_KEYS": f"{PAIR},{BOBS_PAIR}", "SLIMGEST_WEBHOOK_SECRET": f"{NEW},{OLD}"}
    folder = tmp_path_factory.mktemp("hooks")
    with running(folder, workers=1, beat=True, bearer=KEY, SLIMGEST_LOG_FORMAT="json", **secret, **NEAR) as started:
        yield started


def _deliveries(stack: Stack, job_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.get(f"/jobs/{job_id}/deliveries").json()["deliveries"]
    return found


def _tried(
    stack: Stack, job_id: str, attempts: int = 1, *, state: str | None = None, within_s: float = 30
) -> dict[str, Any]:
    """Return the only delivery of a job after this many attempts, in this state: the state is set after the attempt."""

    def ask() -> list[dict[str, Any]]:
        tried = [found for found in _deliveries(stack, job_id) if len(found["attempts"]) >= attempts]
        return [found for found in tried if state in (None, found["state"])]

    return wait_for(ask, what=f"{attempts} attempts, state {state or 'any'}", within_s=within_s, logs=stack.folder)[0]


def _got(receiver: Receiver, count: int, within_s: float = 30) -> None:
    wait_for(lambda: len(receiver.received) >= count, what=f"{count} messages", within_s=within_s)


# --- Delivery ---------------------------------------------------------------------------------------------------------


def test_the_end_of_a_job_is_sent_signed_and_recorded(hooks: Stack) -> None:
    with receiving() as receiver:
        url = receiver.url.replace("//", "//anna:open-sesame-4711@") + "?job=7"
        job_id = hooks.submit(pdfs.numbered(2), callback_url=url)
        status = hooks.wait_end(job_id)
        delivery = _tried(hooks, job_id, state="delivered")
    (got,) = receiver.received
    message = got.verified(MINE)
    assert message == {
        "type": "job.completed",
        "timestamp": status["completed_at"],
        "data": {
            "job_id": job_id,
            "filename": "test.pdf",
            "status": "completed",
            "completed_at": status["completed_at"],
            "pages_failed": 0,
            "pages_with_warnings": 0,
            "error": None,
            "result_url": f"/jobs/{job_id}/result",
        },
    }
    assert got.verified(secret_for(OLD, "alice")) == message, "the old secret verifies it as well"
    with pytest.raises(WebhookVerificationError):
        got.verified(secret_for(NEW, "bob"))
    assert got.path == "/hook?job=7" and got.headers["Authorization"] == "Basic YW5uYTpvcGVuLXNlc2FtZS00NzEx"
    assert delivery["id"] == got.headers["webhook-id"] and delivery["body"] == got.body
    assert (delivery["state"], delivery["next_attempt_at"]) == ("delivered", None)
    assert [(attempt["http_status"], attempt["error"]) for attempt in delivery["attempts"]] == [(200, None)]


def test_a_message_carries_the_document_and_every_attempt_sends_the_same_signed_bytes(hooks: Stack) -> None:
    with receiving(500) as receiver:
        job_id = hooks.submit(pdfs.numbered(2), callback_url=receiver.url, callback_format="md-plain")
        hooks.wait_end(job_id)
        (delivery,) = hooks.get(f"/jobs/{job_id}/deliveries").json()["deliveries"]
        hooks.request("POST", f"/jobs/{job_id}/deliveries/{delivery['id']}")
        _got(receiver, 2)
    first, second = receiver.received
    assert first.body == second.body
    data = second.verified(MINE)["data"]
    assert isinstance(data, dict) and data["result"]["format"] == "md-plain"
    assert data["result"]["content"] == hooks.get(f"/jobs/{job_id}/result?format=md-plain").text


def test_the_url_is_in_no_log_no_answer_and_not_in_redis(hooks: Stack) -> None:
    with receiving(500) as receiver:
        url = receiver.url.replace("//", "//anna:open-sesame-4711@")
        job_id = hooks.submit(pdfs.numbered(1), callback_url=url)
        _tried(hooks, job_id)
    answers = "".join(hooks.get(f"/jobs/{job_id}{path}").text for path in ("", "/deliveries", "/result", "/events"))
    kept = answers.encode() + b"".join(log.read_bytes() for log in hooks.folder.glob("*.log"))
    kept += b"".join(hooks.redis.dump(key) or b"" for key in hooks.redis.keys("*"))
    assert job_id.encode() in kept
    for hidden in (b"open-sesame-4711", NEW.encode(), MINE.encode()):
        assert hidden not in kept


def test_the_end_of_failed_and_cancelled_jobs_is_sent_as_well(hooks: Stack) -> None:
    with receiving() as receiver:
        failed = hooks.submit(pdfs.text_pages(["x"], password="s"), callback_url=receiver.url)
        hooks.wait_end(failed)
        cancelled = hooks.submit(pdfs.numbered(300), callback_url=receiver.url)
        hooks.request("DELETE", f"/jobs/{cancelled}")
        _got(receiver, 2)
    sent = {(message["type"], message["data"]["error"]["code"]) for message in map(_message, receiver.received)}
    assert sent == {("job.failed", "pdf.encrypted"), ("job.cancelled", "job.cancelled")}


def _message(received: Any) -> dict[str, Any]:
    message: dict[str, Any] = received.verified(MINE)
    return message


def test_another_owner_can_neither_see_nor_resend_a_message(hooks: Stack) -> None:
    with receiving() as receiver:
        job_id = hooks.submit(pdfs.numbered(1), callback_url=receiver.url)
        delivery = _tried(hooks, job_id)
        for method, path in (("GET", ""), ("POST", f"/{delivery['id']}")):
            bob = {"Authorization": f"Bearer {BOB}"}
            answer = hooks.request(method, f"/jobs/{job_id}/deliveries{path}", headers=bob)
            assert (answer.status_code, answer.json()["code"]) == (404, "job.unknown")


# --- Retries ----------------------------------------------------------------------------------------------------------


def test_a_failed_delivery_is_retried_with_the_same_message(hooks: Stack) -> None:
    with receiving(500) as receiver:
        job_id = hooks.submit(pdfs.numbered(1), callback_url=receiver.url)
        first = _tried(hooks, job_id)
        assert first["state"] == "pending" and first["attempts"][0]["http_status"] == 500
        due_s = datetime.fromisoformat(first["next_attempt_at"]).timestamp()
        second = _tried(hooks, job_id, 2, state="delivered")
    assert [attempt["http_status"] for attempt in second["attempts"]] == [500, 200] and second["state"] == "delivered"
    assert datetime.fromisoformat(second["attempts"][1]["started_at"]).timestamp() >= due_s
    one, other = receiver.received
    assert (one.headers["webhook-id"], one.body) == (other.headers["webhook-id"], other.body)
    assert one.verified(MINE) == other.verified(MINE)


def test_a_redirect_is_not_followed(hooks: Stack) -> None:
    with receiving() as elsewhere, receiving(redirect_to(elsewhere.url)) as receiver:
        delivery = _tried(hooks, hooks.submit(pdfs.numbered(1), callback_url=receiver.url))
        assert (delivery["attempts"][0]["http_status"], delivery["state"]) == (307, "pending")
        assert not elsewhere.received


@pytest.mark.alone
def test_receivers_that_hang_time_out_and_delay_no_page(hooks: Stack) -> None:
    over = threading.Event()
    with receiving(*[silent_until(over)] * 3, dripping(over)) as receiver:
        hanging = [hooks.submit(pdfs.numbered(1), callback_url=receiver.url) for _ in range(4)]
        _got(receiver, 1)
        other = hooks.submit(pdfs.numbered(3))
        ended_at = datetime.fromisoformat(hooks.wait_end(other)["completed_at"])
        attempts = [_tried(hooks, job_id)["attempts"][0] for job_id in hanging]
        over.set()
    first_over_s = min(datetime.fromisoformat(a["started_at"]).timestamp() + a["seconds"] for a in attempts)
    assert ended_at.timestamp() < first_over_s, "the other job was read while all deliveries were waiting"
    assert {attempt["error"]["code"] for attempt in attempts} == {"callback.timeout"}
    assert all(1.9 < attempt["seconds"] < 3.5 for attempt in attempts)


def test_a_rejected_message_can_be_sent_again(hooks: Stack) -> None:
    pdf = hooks.folder / "a.pdf"
    pdf.write_bytes(pdfs.numbered(1))
    with receiving(410) as receiver, Client(hooks.url, KEY) as client:
        job_id = client.submit(pdf, callback_url=receiver.url).job_id
        _tried(hooks, job_id, state="failed")
        (refused,) = client.deliveries(job_id)
        assert (refused.next_attempt_at, refused.attempts[0].http_status) == (None, 410)
        again = client.redeliver(job_id, refused.id)
        assert (again.state, again.id) == ("pending", refused.id)
        _tried(hooks, job_id, 2, state="delivered")
    assert len({received.headers["webhook-id"] for received in receiver.received}) == 1
    for wrong in ("msg_0", "..%2f..%2fend"):
        unknown = hooks.request("POST", f"/jobs/{job_id}/deliveries/{wrong}")
        assert unknown.status_code == 404 and unknown.json()["code"] in ("delivery.unknown", "request.not_found")


# --- Refused URLs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://10.0.0.1/hook", "callback.refused"),
        ("http://169.254.169.254/latest/meta-data", "callback.refused"),
        ("http://[::1]:6379/", "callback.refused"),
        ("ftp://127.0.0.1/hook", "callback.invalid"),
        ("http://nowhere.invalid/hook", "callback.unreachable"),
    ],
)
def test_a_forbidden_url_is_refused_at_once_and_nothing_is_queued(hooks: Stack, url: str, code: str) -> None:
    before = hooks.get("/jobs").json()["total"]
    answer = hooks.post("/jobs", pdfs.numbered(1), callback_url=url)
    assert (answer.status_code, answer.json()["code"]) == (422, code) and url not in answer.text
    assert hooks.get("/jobs").json()["total"] == before


def test_a_service_without_a_secret_refuses_callbacks(stack: Stack) -> None:
    answer = stack.post("/jobs", pdfs.numbered(1), callback_url="https://example.org/hook")
    assert (answer.status_code, answer.json()["code"]) == (422, "callback.disabled")
    pdf = stack.folder / "a.pdf"
    pdf.write_bytes(pdfs.numbered(1))
    command = ["submit", str(pdf), "--url", stack.url, "--callback-url", "https://example.org/hook"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1 and "SLIMGEST_WEBHOOK_SECRET" in done.output


# --- The connection ---------------------------------------------------------------------------------------------------

SETTINGS = Settings.from_env({"SLIMGEST_WEBHOOK_SECRET": NEW, **NEAR})
CLOSED = Settings.from_env({"SLIMGEST_WEBHOOK_SECRET": NEW})


class Names:
    """A resolver whose answers for `rebind.example` change with each request."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.answers = list(answers)
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: str, port: int, *args: Any, **how: Any) -> Any:
        return self._real(self.answers.pop(0) if host == "rebind.example" else host, port, *args, **how)


def test_a_name_that_becomes_private_after_the_check_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, "1.1.1.1", "127.0.0.1")
    with receiving() as receiver:
        url = f"http://rebind.example:{receiver.port}/hook"
        http.check(url, CLOSED)
        with pytest.raises(CallbackRefused):
            http.post(url, b"{}", {}, CLOSED)
        assert not receiver.received and not names.answers


def test_the_connection_uses_the_checked_address(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, "127.0.0.1", "10.0.0.1")
    with receiving() as receiver:
        assert http.post(f"http://rebind.example:{receiver.port}/hook", b"{}", {}, SETTINGS) == 200
        assert receiver.received[0].headers["Host"] == f"rebind.example:{receiver.port}"
    assert names.answers == ["10.0.0.1"], "the name was resolved once"


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with receiving() as receiver:
        assert http.post(receiver.url, b"{}", {}, SETTINGS) == 200


@pytest.mark.alone
def test_an_endless_answer_times_out() -> None:
    over = threading.Event()
    with receiving(dripping(over)) as receiver:
        started_s = time.monotonic()
        with pytest.raises(CallbackTimeout):
            http.post(receiver.url, b"{}", {}, SETTINGS)
        assert 1.9 < time.monotonic() - started_s < 3
        over.set()


@pytest.mark.alone
def test_an_endless_handshake_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started_s = time.monotonic()
        with pytest.raises(CallbackTimeout):
            http.post(f"https://127.0.0.1:{silent.getsockname()[1]}/", b"{}", {}, SETTINGS)
        assert 1.9 < time.monotonic() - started_s < 3


def test_an_invalid_answer_or_no_receiver_means_unreachable() -> None:
    with receiving(lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n\r\n") and None) as receiver:
        with pytest.raises(CallbackUnreachable, match="BadStatusLine"):
            http.post(receiver.url, b"{}", {}, SETTINGS)
        url = receiver.url
    with pytest.raises(CallbackUnreachable, match="ConnectionRefusedError"):
        http.post(url, b"{}", {}, SETTINGS)


def test_the_certificate_of_a_receiver_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    near = Settings.from_env({"SLIMGEST_WEBHOOK_SECRET": NEW, **NEAR, "SLIMGEST_CALLBACK_NETWORKS": "127.0.0.1,::1"})
    with receiving() as receiver, tls_in_front_of(receiver.port, tmp_path) as (port, authority):
        url = f"https://localhost:{port}/hook"
        with pytest.raises(CallbackUnreachable, match="SSLCertVerificationError"):
            http.post(url, b"{}", {}, near)
        assert not receiver.received
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        assert http.post(url, b"{}", {}, near) == 200
        with pytest.raises(CallbackUnreachable, match="SSLCertVerificationError"):
            http.post(url.replace("localhost", "127.0.0.1"), b"{}", {}, near)


# --- Crashes ----------------------------------------------------------------------------------------------------------


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_another_worker_delivers_the_message_of_a_killed_worker(hooks: Stack) -> None:
    over = threading.Event()
    with receiving(silent_until(over)) as receiver:
        job_id = hooks.submit(pdfs.numbered(1), callback_url=receiver.url)
        _got(receiver, 1)
        killed = [psutil.Process(hooks.workers["cpu0"].pid)]
        killed += killed[0].children(recursive=True)  # they end with the worker, one after the other
        hooks.workers["cpu0"].kill()
        hooks.workers["cpu0"].wait()
        wait_for(lambda: not any(map(_is_running, killed)), what="the end of the worker's processes")
        over.set()
        assert _deliveries(hooks, job_id)[0]["attempts"] == []
        hooks.start_worker("cpu0")
        _tried(hooks, job_id, state="delivered", within_s=60)
    assert len({received.headers["webhook-id"] for received in receiver.received}) == 1


def test_the_end_is_sent_for_a_job_whose_worker_died_just_after_it(hooks: Stack) -> None:
    """The end is stored, but the message is not written yet."""
    with receiving() as receiver:
        job_id = hooks.submit(pdfs.numbered(1), callback_url=receiver.url)
        hooks.wait_end(job_id)
        _tried(hooks, job_id)
        (record,) = (hooks.folder / "jobs" / job_id / "deliveries").iterdir()
        record.unlink()
        hooks.redis.zadd("slimgest:pending", {job_id: time.time()})
        _got(receiver, 2)
    assert receiver.received[0].headers["webhook-id"] == receiver.received[1].headers["webhook-id"]
    assert json.loads(receiver.received[0].body) == json.loads(receiver.received[1].body)


def test_messages_are_sent_after_redis_lost_all_data(hooks: Stack) -> None:
    with receiving(500) as receiver:
        job_id = hooks.submit(pdfs.numbered(1), callback_url=receiver.url)
        _tried(hooks, job_id)
        hooks.redis.delete(*hooks.redis.keys("slimgest:*"))
        _tried(hooks, job_id, 2, state="delivered")
