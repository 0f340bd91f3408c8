"""The events of a job: in order, resumed, replayed, and as the listener of Flask-SSE receives them."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import ExitStack
from itertools import islice
from urllib.parse import urlsplit

import flask
import flask_sse
import httpx

from slimgest_celery.client import Client, parse
from slimgest_celery.models.events import Event
from slimgest_celery.state.job_state import job_key
from tests.support import pdfs
from tests.support.engines import RAISE
from tests.support.stack import Stack, wait_for


def _ids(events: list[Event]) -> list[tuple[int, ...]]:
    return [tuple(map(int, event.id.split("-"))) for event in events]


def test_events_come_in_order_with_growing_ids_and_the_stream_ends(stack: Stack) -> None:
    job_id = stack.submit(pdfs.coloured([(0, 1, 0), RAISE]))
    start, *pages, last = list(stack.events(job_id))
    assert (start.type, start.data) == ("start", {"job_id": job_id, "filename": "test.pdf", "total_pages": 2})
    assert {page.data["page_number"] for page in pages} == {1, 2}
    assert [page.data["pages_done"] for page in pages] == [1, 2]
    good = next(page.data for page in pages if page.data["page_number"] == 1)
    assert (good["status"], good["page_text"], good["source"], good["total_pages"]) == ("ok", "page 1", "ocr", 2)
    assert pages[-1].data["pages_failed"] == 1
    assert last.type == "complete"
    assert last.data == {
        "status": "partial",
        "total_pages": 2,
        "pages_failed": 1,
        "pages_with_warnings": 0,
        "result_url": f"/jobs/{job_id}/result",
    }
    assert _ids([start, *pages, last]) == sorted(set(_ids([start, *pages, last])))


def test_process_pdf_stream_answers_with_events(stack: Stack) -> None:
    files = {"file": ("a.pdf", pdfs.numbered(2))}
    with httpx.stream("POST", f"{stack.url}/process-pdf-stream", files=files, timeout=60) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        events = list(parse(response.iter_lines()))
    assert [event.type for event in events] == ["start", "page", "page", "complete"]
    assert response.headers["Location"] == f"/jobs/{events[0].data['job_id']}"


def test_a_refused_stream_gets_a_problem_document(stack: Stack) -> None:
    answer = stack.post("/process-pdf-stream", b"no pdf")
    assert (answer.status_code, answer.json()["code"]) == (415, "upload.not_pdf")


def test_a_job_that_fails_ends_its_stream_with_an_error(stack: Stack) -> None:
    events = list(stack.events(stack.submit(b"%PDF-1.7 and no more")))
    assert [event.type for event in events] == ["error"]
    assert events[0].data["code"] == "pdf.unreadable"


def test_a_late_subscriber_receives_all_events(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(3))
    live = list(stack.events(job_id))
    stack.wait_end(job_id)
    assert list(stack.events(job_id)) == live


def test_a_resumed_stream_loses_and_repeats_nothing(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(20))
    first = list(islice(stack.events(job_id), 5))
    rest = list(stack.events(job_id, after=first[-1].id))
    assert list(stack.events(job_id)) == first + rest
    assert sorted(e.data["page_number"] for e in first + rest if e.type == "page") == list(range(1, 21))


def test_the_last_id_may_be_a_query_parameter_and_must_be_valid(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(1))
    events = list(stack.events(job_id))
    resumed = stack.get(f"/jobs/{job_id}/events", params={"last_event_id": events[-2].id})
    assert [event.type for event in parse(iter(resumed.text.split("\n")))] == ["complete"]
    wrong = stack.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": "yesterday"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "request.option")


def test_events_are_made_from_storage_if_redis_has_lost_them(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(3))
    live = list(stack.events(job_id))
    stack.redis.delete(job_key(job_id, "events"))
    replayed = list(stack.events(job_id))
    assert [event.type for event in replayed] == [event.type for event in live]
    assert sorted(e.data["page_text"] for e in replayed[1:-1]) == ["page 1", "page 2", "page 3"]
    assert list(stack.events(job_id, after=replayed[1].id)) == replayed[2:]


def test_the_listener_of_flask_sse_understands_the_messages(stack: Stack) -> None:
    application = flask.Flask("listener")
    application.config["REDIS_URL"] = stack.settings.redis_url
    job_id = stack.submit(pdfs.numbered(200))
    received: list[flask_sse.Message] = []

    def listen() -> None:
        with application.app_context():
            for message in flask_sse.sse.messages(channel=job_key(job_id, "events")):
                received.append(message)
                if message.type == "complete":
                    return

    listener = threading.Thread(target=listen)
    listener.start()
    listener.join(30)
    assert not listener.is_alive()
    page = next(message for message in received if message.type == "page")
    assert json.loads(json.dumps(page.data))["page_text"].startswith("page ")
    assert page.id


def test_hundreds_of_simultaneous_clients_all_get_their_stream(stack: Stack) -> None:
    job_id, address = stack.submit(pdfs.numbered(100)), urlsplit(stack.url)
    request = f"GET /jobs/{job_id}/events HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode()
    with ExitStack() as closing:
        clients = [
            closing.enter_context(socket.create_connection((address.hostname, address.port))) for _ in range(400)
        ]
        for client in clients:
            client.settimeout(60)
            client.sendall(request)
        assert {client.recv(15) for client in clients} == {b"HTTP/1.1 200 OK"}
    stack.request("DELETE", f"/jobs/{job_id}")


def test_workers_subscribe_to_no_result(stack: Stack) -> None:
    """Celery subscribes to each task of a chord that is sent, and would never unsubscribe."""
    for job_id in [stack.submit(pdfs.numbered(3)) for _ in range(3)]:
        stack.wait_end(job_id)
    wait_for(lambda: stack.redis.pubsub_channels("celery-task-meta-*") == [], what="the end of subscriptions")


def test_the_subscription_ends_when_the_client_disconnects(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(200))
    channel = job_key(job_id, "events")
    with httpx.stream("GET", f"{stack.url}/jobs/{job_id}/events", timeout=30) as response:
        next(response.iter_lines())
        wait_for(lambda: stack.redis.pubsub_numsub(channel)[0][1] == 1, what="the subscription")
    wait_for(lambda: stack.redis.pubsub_numsub(channel)[0][1] == 0, what="the end of the subscription", within_s=60)
    httpx.delete(f"{stack.url}/jobs/{job_id}")


def test_the_python_client_reads_a_pdf_and_streams_it(stack: Stack, tmp_path) -> None:  # type: ignore[no-untyped-def]
    pdf = tmp_path / "a.pdf"
    pdf.write_bytes(pdfs.numbered(2))
    with Client(stack.url) as client:
        document = client.process(pdf)
        assert [page.text for page in document.pages] == ["page 1", "page 2"]
        types = [event.type for event in client.stream(document.job_id)]
        assert types == ["start", "page", "page", "complete"]
        assert client.list(limit=1)[0].job_id == document.job_id
        assert client.ready()


def test_a_client_that_has_the_last_event_gets_204(stack: Stack) -> None:
    """The `EventSource` of a browser reconnects after the end with the last id; only 204 stops it."""
    job_id = stack.submit(pdfs.numbered(1))
    *_, last = stack.events(job_id)
    for seen in (last.id, "9" * 18):
        answer = stack.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": seen})
        assert (answer.status_code, answer.content) == (204, b"")
