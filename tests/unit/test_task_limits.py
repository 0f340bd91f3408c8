"""How long Celery lets a task take."""

from __future__ import annotations

import pytest

import celeryconfig
from slimgest_celery import tasks
from slimgest_celery.config import Settings


def test_no_span_of_many_pages_may_outlast_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the visibility timeout another worker would be given the same pages."""
    monkeypatch.setattr(tasks, "settings", lambda: Settings.model_validate({"SLIMGEST_PAGE_TIMEOUT": 120}))
    limits = [tasks._limit_s(pages) for pages in (1, 10, 256)]
    assert limits == sorted(limits) and limits[0] > 120 and limits[1] > 1200
    assert limits[-1] < celeryconfig.broker_transport_options["visibility_timeout"]
