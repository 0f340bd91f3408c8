"""Messages to callbacks: a real service, real receivers, and what can go wrong between them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from standardwebhooks import WebhookVerificationError

from slimgest_celery import callbacks
from slimgest_celery.access import make_key
from slimgest_celery.cli import main
from slimgest_celery.client import Client
from slimgest_celery.config import Settings
from slimgest_celery.deliveries import make_secret, secret_for
from slimgest_celery.errors import CallbackRefused, CallbackTimeout, CallbackUnreachable
from tests.support import pdfs
from tests.support.receiver import Receiver, dripping, held, receiving, redirect_to
from tests.support.stack import Stack, running, wait_for
from tests.support.tls import tls_in_front_of

KEY, PAIR = make_key("alice")
BOB, BOBS_PAIR = make_key("bob")
OLD, NEW = make_secret(), make_secret()
MINE = secret_for(NEW, "alice")
NEAR = {"SLIMGEST_CALLBACK_NETWORKS": "127.0.0.0/8", "SLIMGEST_CALLBACK_TIMEOUT": "2"}


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service whose callbacks may go to 127.0.0.0/8; its secret is just being changed."""
    secret = {"SLIMGEST_API_KEYS": f"{PAIR},{BOBS_PAIR}", "SLIMGEST_WEBHOOK_SECRET": f"{NEW},{OLD}"}
    folder = tmp_path_factory.mktemp("hooks")
    with running(folder, workers=1, beat=True, bearer=KEY, SLIMGEST_LOG_FORMAT="json", **secret, **NEAR) as started:
        yield started


def _deliveries(stack: Stack, job_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.get(f"/jobs/{job_id}/deliveries").json()["deliveries"]
    return found


def _tried(stack: Stack, job_id: str, attempts: int = 1, within_s: float = 30) -> dict[str, Any]:
    """The one delivery of a job, once it has been tried this often."""

    def ask() -> list[dict[str, Any]]:
        return [found for found in _deliveries(stack, job_id) if len(found["attempts"]) >= attempts]

    return wait_for(ask, what=f"{attempts} attempts", within_s=within_s, logs=stack.folder)[0]


def _got(receiver: Receiver, count: int, within_s: float = 30) -> None:
    wait_for(lambda: len(receiver.received) >= count, what=f"{count} messages", within_s=within_s)


# --- What arrives -----------------------------------------------------------------------------------------------------


def test_the_end_of_a_job_is_told_signed_and_on_record(hooks: Stack) -> None:
    with receiving() as receiver:
        url = receiver.url.replace("//", "//anna:open-sesame-4711@") + "?job=7"
        job_id = hooks.submit(pdfs.numbered(2), callback_url=url)
        status = hooks.wait_end(job_id)
        delivery = _tried(hooks, job_id)
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
            "error": None,
            "result_url": f"/jobs/{job_id}/result",
        },
    }
    assert got.verified(secret_for(OLD, "alice")) == message, "who has the old secret only can verify it, too"
    with pytest.raises(WebhookVerificationError):
        got.verified(secret_for(NEW, "bob"))
    assert got.path == "/hook?job=7" and got.headers["Authorization"] == "Basic YW5uYTpvcGVuLXNlc2FtZS00NzEx"
    assert delivery["id"] == got.headers["webhook-id"] and delivery["body"] == got.body
    assert (delivery["state"], delivery["next_attempt_at"]) == ("delivered", None)
    assert [(attempt["http_status"], attempt["error"]) for attempt in delivery["attempts"]] == [(200, None)]


def test_the_url_is_in_no_log_no_answer_and_nowhere_in_redis(hooks: Stack) -> None:
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


def test_jobs_that_fail_or_are_cancelled_are_told_as_well(hooks: Stack) -> None:
    with receiving() as receiver:
        failed = hooks.submit(pdfs.text_pages(["x"], password="s"), callback_url=receiver.url)
        hooks.wait_end(failed)
        cancelled = hooks.submit(pdfs.numbered(300), callback_url=receiver.url)
        hooks.request("DELETE", f"/jobs/{cancelled}")
        _got(receiver, 2)
    told = {(message["type"], message["data"]["error"]["code"]) for message in map(_message, receiver.received)}
    assert told == {("job.failed", "pdf.encrypted"), ("job.cancelled", "job.cancelled")}


def _message(received: Any) -> dict[str, Any]:
    message: dict[str, Any] = received.verified(MINE)
    return message


def test_another_owner_neither_sees_nor_repeats_a_message(hooks: Stack) -> None:
    with receiving() as receiver:
        job_id = hooks.submit(pdfs.numbered(1), callback_url=receiver.url)
        delivery = _tried(hooks, job_id)
        for method, path in (("GET", ""), ("POST", f"/{delivery['id']}")):
            bob = {"Authorization": f"Bearer {BOB}"}
            answer = hooks.request(method, f"/jobs/{job_id}/deliveries{path}", headers=bob)
            assert (answer.status_code, answer.json()["code"]) == (404, "job.unknown")


# --- What does not arrive at once ---------------------------------------------------------------------------------


def test_a_receiver_that_fails_is_tried_again_with_the_same_message(hooks: Stack) -> None:
    with receiving(500) as receiver:
        job_id = hooks.submit(pdfs.numbered(1), callback_url=receiver.url)
        first = _tried(hooks, job_id)
        assert first["state"] == "pending" and first["attempts"][0]["http_status"] == 500
        due_s = datetime.fromisoformat(first["next_attempt_at"]).timestamp()
        second = _tried(hooks, job_id, 2)
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


def test_receivers_that_hang_are_given_up_in_time_and_keep_no_page_waiting(hooks: Stack) -> None:
    over = threading.Event()
    with receiving(*[held(over)] * 3, dripping(over)) as receiver:
        hanging = [hooks.submit(pdfs.numbered(1), callback_url=receiver.url) for _ in range(4)]
        _got(receiver, 1)
        other = hooks.submit(pdfs.numbered(3))
        ended_at = datetime.fromisoformat(hooks.wait_end(other)["completed_at"])
        attempts = [_tried(hooks, job_id)["attempts"][0] for job_id in hanging]
        over.set()
    first_over_s = min(datetime.fromisoformat(a["started_at"]).timestamp() + a["seconds"] for a in attempts)
    assert ended_at.timestamp() < first_over_s, "the other job was read while all of them were hanging"
    assert {attempt["error"]["code"] for attempt in attempts} == {"callback.timeout"}
    assert all(1.9 < attempt["seconds"] < 3.5 for attempt in attempts)


def test_a_message_that_is_refused_for_good_can_be_sent_again(hooks: Stack) -> None:
    pdf = hooks.folder / "a.pdf"
    pdf.write_bytes(pdfs.numbered(1))
    with receiving(410) as receiver, Client(hooks.url, KEY) as client:
        job_id = client.submit(pdf, callback_url=receiver.url).job_id
        assert _tried(hooks, job_id)["state"] == "failed"
        (refused,) = client.deliveries(job_id)
        assert (refused.next_attempt_at, refused.attempts[0].http_status) == (None, 410)
        again = client.redeliver(job_id, refused.id)
        assert (again.state, again.id) == ("pending", refused.id)
        assert _tried(hooks, job_id, 2)["state"] == "delivered"
    assert len({received.headers["webhook-id"] for received in receiver.received}) == 1
    for wrong in ("msg_0", "..%2f..%2fend"):
        unknown = hooks.request("POST", f"/jobs/{job_id}/deliveries/{wrong}")
        assert unknown.status_code == 404 and unknown.json()["code"] in ("delivery.unknown", "request.not_found")


# --- What is refused --------------------------------------------------------------------------------------------------


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
def test_a_url_that_may_not_be_reached_is_refused_at_once_and_nothing_is_queued(
    hooks: Stack, url: str, code: str
) -> None:
    before = hooks.get("/jobs").json()["total"]
    answer = hooks.post("/jobs", pdfs.numbered(1), callback_url=url)
    assert (answer.status_code, answer.json()["code"]) == (422, code) and url not in answer.text
    assert hooks.get("/jobs").json()["total"] == before


def test_a_service_without_a_secret_takes_no_callback(stack: Stack) -> None:
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
    """A resolver whose answers for `rebind.example` change from one question to the next."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.answers = list(answers)
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: str, port: int, *args: Any, **how: Any) -> Any:
        return self._real(self.answers.pop(0) if host == "rebind.example" else host, port, *args, **how)


def test_a_name_that_turns_private_after_the_check_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, "1.1.1.1", "127.0.0.1")
    with receiving() as receiver:
        url = f"http://rebind.example:{receiver.port}/hook"
        callbacks.check(url, CLOSED)
        with pytest.raises(CallbackRefused):
            callbacks.post(url, b"{}", {}, CLOSED)
        assert not receiver.received and not names.answers


def test_the_connection_goes_to_the_very_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, "127.0.0.1", "10.0.0.1")
    with receiving() as receiver:
        assert callbacks.post(f"http://rebind.example:{receiver.port}/hook", b"{}", {}, SETTINGS) == 200
        assert receiver.received[0].headers["Host"] == f"rebind.example:{receiver.port}"
    assert names.answers == ["10.0.0.1"], "the name was asked for once"


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with receiving() as receiver:
        assert callbacks.post(receiver.url, b"{}", {}, SETTINGS) == 200


def test_an_answer_without_end_is_cut_off_in_time() -> None:
    over = threading.Event()
    with receiving(dripping(over)) as receiver:
        started_s = time.monotonic()
        with pytest.raises(CallbackTimeout):
            callbacks.post(receiver.url, b"{}", {}, SETTINGS)
        assert 1.9 < time.monotonic() - started_s < 3
        over.set()


def test_a_handshake_without_end_is_cut_off_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started_s = time.monotonic()
        with pytest.raises(CallbackTimeout):
            callbacks.post(f"https://127.0.0.1:{silent.getsockname()[1]}/", b"{}", {}, SETTINGS)
        assert 1.9 < time.monotonic() - started_s < 3


def test_who_answers_nonsense_or_is_not_there_is_unreachable() -> None:
    with receiving(lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n\r\n") and None) as receiver:
        with pytest.raises(CallbackUnreachable, match="BadStatusLine"):
            callbacks.post(receiver.url, b"{}", {}, SETTINGS)
        url = receiver.url
    with pytest.raises(CallbackUnreachable, match="ConnectionRefusedError"):
        callbacks.post(url, b"{}", {}, SETTINGS)


def test_a_receiver_behind_tls_is_known_by_its_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    near = Settings.from_env({"SLIMGEST_WEBHOOK_SECRET": NEW, **NEAR, "SLIMGEST_CALLBACK_NETWORKS": "127.0.0.1,::1"})
    with receiving() as receiver, tls_in_front_of(receiver.port, tmp_path) as (port, authority):
        url = f"https://localhost:{port}/hook"
        with pytest.raises(CallbackUnreachable, match="SSLCertVerificationError"):
            callbacks.post(url, b"{}", {}, near)
        assert not receiver.received
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        assert callbacks.post(url, b"{}", {}, near) == 200
        with pytest.raises(CallbackUnreachable, match="SSLCertVerificationError"):
            callbacks.post(url.replace("localhost", "127.0.0.1"), b"{}", {}, near)


# --- What dies --------------------------------------------------------------------------------------------------------


def test_a_worker_killed_while_it_delivers_leaves_the_message_to_the_next(hooks: Stack) -> None:
    over = threading.Event()
    with receiving(held(over)) as receiver:
        job_id = hooks.submit(pdfs.numbered(1), callback_url=receiver.url)
        _got(receiver, 1)
        hooks.workers["cpu0"].kill()
        hooks.workers["cpu0"].wait()
        over.set()
        assert _deliveries(hooks, job_id)[0]["attempts"] == []
        hooks.start_worker("cpu0")
        assert _tried(hooks, job_id, within_s=60)["state"] == "delivered"
    assert len({received.headers["webhook-id"] for received in receiver.received}) == 1


def test_a_job_that_ended_just_before_its_worker_died_is_told(hooks: Stack) -> None:
    """The end is stored, and nobody has got as far as writing the message."""
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


def test_a_redis_that_forgot_everything_is_told_again_what_is_to_be_sent(hooks: Stack) -> None:
    with receiving(500) as receiver:
        job_id = hooks.submit(pdfs.numbered(1), callback_url=receiver.url)
        _tried(hooks, job_id)
        hooks.redis.delete(*hooks.redis.keys("slimgest:*"))
        assert _tried(hooks, job_id, 2)["state"] == "delivered"
