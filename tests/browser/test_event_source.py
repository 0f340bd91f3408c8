"""`EventSource`, the event named `error`, and API keys: what docs/api.md promises to scripts of web pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from slimgest_celery.api_keys import make_key
from tests.support import pdfs
from tests.support.stack import Stack, running

KEY, PAIR = make_key("alice")
# Records the events, and closes as docs/api.md shows if `close` is true. Ends when the source is closed.
LISTEN = """([path, close]) => new Promise((done) => {
  const seen = [], events = new EventSource(path);
  const end = () => { events.close(); done(seen); };
  for (const type of ["start", "page"]) events.addEventListener(type, () => seen.push(type));
  events.addEventListener("complete", () => { seen.push("complete"); if (close) end(); });
  events.addEventListener("error", (event) => {
    if (event.data) { seen.push("error " + JSON.parse(event.data).code); if (close) end(); }
    else if (events.readyState === EventSource.CLOSED) { seen.push("closed"); end(); }
    else seen.push("lost");
  });
})"""
READ = """async ([path, key]) => {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${key}` } });
  let text = "";
  for await (const bytes of answer.body) text += new TextDecoder().decode(bytes);
  return text;
}"""


def test_the_error_of_the_job_has_data_and_that_of_the_connection_has_none(stack: Stack, visitor: Page) -> None:
    good, bad = stack.submit(pdfs.numbered(2)), stack.submit(b"%PDF-1.4 nothing more")
    for job_id in (good, bad):
        stack.wait_end(job_id)
    assert visitor.evaluate(LISTEN, [f"/jobs/{good}/events", True]) == ["start", "page", "page", "complete"]
    assert visitor.evaluate(LISTEN, [f"/jobs/{bad}/events", True]) == ["error pdf.unreadable"]
    kept_open = visitor.evaluate(LISTEN, [f"/jobs/{good}/events", False])
    assert kept_open == ["start", "page", "page", "complete", "lost", "closed"], "it reconnects, and gets 204"


def test_a_service_with_keys_refuses_event_source_and_answers_fetch(
    visitors: Callable[..., Page], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder: Path = tmp_path_factory.mktemp("keys")
    with running(folder, workers=1, bearer=KEY, SLIMGEST_API_KEYS=PAIR) as stack:
        job_id = stack.submit(pdfs.numbered(1))
        stack.wait_end(job_id)
        page = visitors()
        page.goto(stack.url)
        assert page.evaluate(LISTEN, [f"/jobs/{job_id}/events", True]) == ["closed"]
        assert page.evaluate(LISTEN, [f"/jobs/{job_id}/events?key={KEY}", True]) == ["closed"]
        assert "event:complete" in page.evaluate(READ, [f"/jobs/{job_id}/events", KEY])
