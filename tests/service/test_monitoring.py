"""The usual tools of operators: `celery inspect`, `celery status`, Flower."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest

from tests.support import pdfs
from tests.support.ports import free_port
from tests.support.stack import Stack, wait_for

CELERY = [sys.executable, "-m", "celery", "-A", "slimgest_celery"]


def _inspect(stack: Stack, what: str) -> dict[str, object]:
    command = [*CELERY, "inspect", "--json", "--timeout", "2", what]
    done = subprocess.run(command, env=stack.env, cwd=stack.folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.alone
def test_celery_inspect_answers(stack: Stack) -> None:
    registered = _inspect(stack, "registered")
    assert [name.partition("@")[0] for name in sorted(registered)] == ["cpu0", "cpu1"]
    expected = {"slimgest.finish", "slimgest.ingest", "slimgest.pages", "slimgest.rescue", "slimgest.sweep"}
    assert all(expected <= set(tasks) for tasks in registered.values())  # type: ignore[call-overload]
    job_id = stack.submit(pdfs.numbered(200))
    active = _inspect(stack, "active")
    assert any(
        task["name"] == "slimgest.pages" and task["args"][0] == job_id for tasks in active.values() for task in tasks
    )  # type: ignore[attr-defined]
    httpx.delete(f"{stack.url}/jobs/{job_id}")
    assert set(_inspect(stack, "stats")) == set(registered)


def test_celery_status_answers(stack: Stack) -> None:
    done = subprocess.run([*CELERY, "status"], env=stack.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "2 nodes online" in done.stdout


def test_flower_shows_tasks_by_name(stack: Stack) -> None:
    """Ingest is replaced by the chord, whose body has the same id: after the end, Flower shows `slimgest.finish`."""
    port = free_port()
    stack.spawn(
        *CELERY,
        "flower",
        f"--port={port}",
        "--address=127.0.0.1",
        log="flower",
        env={"FLOWER_UNAUTHENTICATED_API": "true"},
    )
    url = f"http://127.0.0.1:{port}"

    def workers() -> object:
        try:
            return httpx.get(f"{url}/api/workers", params={"refresh": "true"}, timeout=10).json()
        except (httpx.TransportError, ValueError):
            return None

    wait_for(workers, what="Flower", logs=stack.folder)

    def names() -> set[str]:
        stack.wait_end(stack.submit(pdfs.numbered(2)))  # one of them after Flower has enabled the events of the workers
        return {task["name"] for task in httpx.get(f"{url}/api/tasks", timeout=10).json().values()}

    wait_for(lambda: names() >= {"slimgest.pages", "slimgest.finish"}, what="the tasks", within_s=60)
