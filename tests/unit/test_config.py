"""Settings from environment variables, and the report of all wrong ones at once."""

from __future__ import annotations

import os

import pytest

from slimgest_celery.config import Settings, SettingsError, unknown_variables


def test_defaults_are_those_of_the_contract() -> None:
    settings = Settings.from_env({})
    assert (settings.num_workers, settings.engine, settings.redis_url) == (2, "auto", None)
    assert (settings.max_pending_jobs, settings.batch_timeout_s, settings.max_upload_mb) == (100, 600, 200)
    assert (settings.max_pages, settings.page_timeout_s, settings.retention_s) == (5000, 120, 86400)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("24h", 86400), ("7d", 604800)])
def test_durations_have_units(text: str, seconds: int) -> None:
    assert Settings.from_env({"SLIMGEST_RETENTION": text}).retention_s == seconds


def test_all_wrong_settings_are_named_at_once_without_their_values() -> None:
    wrong = {"SLIMGEST_NUM_WORKERS": "0", "SLIMGEST_RETENTION": "soon", "SLIMGEST_REDIS_URL": "http://user:secret@host"}
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(wrong)
    assert all(name in str(caught.value) for name in wrong)
    assert "secret" not in str(caught.value)


def test_an_empty_variable_counts_as_absent() -> None:
    assert Settings.from_env({"SLIMGEST_REDIS_URL": "", "SLIMGEST_ENGINE": ""}) == Settings.from_env({})


def test_unknown_variables_are_reported_with_the_nearest_name() -> None:
    environ = {"SLIMGEST_MAX_UPLOAD_MBS": "1", "SLIMGEST_REDIS": "x", "SLIMGEST_FOO": "x", "OTHER": "x"}
    known = {"SLIMGEST_API_KEY": "x", "SLIMGEST_URL": "x", "SLIMGEST_ENGINE": "auto"}
    assert unknown_variables({**environ, **known}) == [
        "SLIMGEST_FOO is no setting of slimgest and has no effect.",
        "SLIMGEST_MAX_UPLOAD_MBS is no setting of slimgest and has no effect. Did you mean SLIMGEST_MAX_UPLOAD_MB?",
        "SLIMGEST_REDIS is no setting of slimgest and has no effect. Did you mean SLIMGEST_REDIS_URL?",
    ]


def test_a_user_without_a_home_folder_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)  # a container with any user id: it has no entry in /etc/passwd
    with pytest.raises(SettingsError, match="XDG_DATA_HOME"):
        Settings.from_env({})
    assert Settings.from_env({"SLIMGEST_STORAGE_URL": "/data/jobs"}).storage_url == "/data/jobs"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert Settings.from_env({}).storage_url == "/data/slimgest/jobs"
