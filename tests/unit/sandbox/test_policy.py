"""The files and ports that the sandbox of a process allows, and when there is no sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slimgest_celery.config import Settings
from slimgest_celery.sandbox import kernel, policy
from slimgest_celery.sandbox.policy import export_sandbox, worker_sandbox
from tests.support.stack import ROOT


def _settings(**env: str) -> Settings:
    return Settings.from_env({"SLIMGEST_REDIS_URL": "redis://10.0.0.1:7001/0", **env})


def test_a_worker_child_changes_the_storage_and_temporary_files_and_connects_to_redis(tmp_path: Path) -> None:
    env = {"SLIMGEST_STORAGE_URL": str(tmp_path / "jobs"), "SLIMGEST_SANDBOX_PATHS": "/srv/model,/srv/words"}
    env |= {"SLIMGEST_TESSDATA": "/srv/tessdata"}
    sandbox = worker_sandbox(_settings(**env), "rapidocr")
    assert {Path("/srv/model"), Path("/srv/words"), Path("/srv/tessdata")} <= set(sandbox.readable)
    assert tmp_path / "jobs" in sandbox.writable and (tmp_path / "jobs").is_dir()
    assert set(sandbox.tcp_ports) == {53, 7001}
    assert Path(sys.prefix) in sandbox.readable and Path("/etc") not in sandbox.readable
    assert Path.home() not in sandbox.readable


def test_a_remote_storage_and_traces_add_their_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4319")
    sandbox = worker_sandbox(_settings(SLIMGEST_STORAGE_URL="s3://bucket/jobs"), "rapidocr")
    assert {53, 80, 443, 4319, 7001, 9000} <= set(sandbox.tcp_ports)
    assert Path.home() / ".aws" in sandbox.readable


def test_a_user_without_a_home_folder_may_use_a_remote_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 54321)  # a container with any user id
    sandbox = worker_sandbox(_settings(SLIMGEST_STORAGE_URL="s3://bucket/jobs"), "rapidocr")
    assert 443 in sandbox.tcp_ports


def test_the_process_of_a_searchable_pdf_changes_only_its_output_and_connects_nowhere(tmp_path: Path) -> None:
    target = tmp_path / "out" / "a.pdf"
    sandbox = export_sandbox(_settings(SLIMGEST_STORAGE_URL=str(tmp_path / "jobs")), target)
    assert target.parent in sandbox.writable and tmp_path / "jobs" not in sandbox.writable
    assert tmp_path / "jobs" in sandbox.readable and sandbox.tcp_ports == ()


def test_the_reason_why_there_is_no_sandbox_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SLIMGEST_SANDBOX=off" in worker_sandbox(_settings(SLIMGEST_SANDBOX="off"), "rapidocr").describe()
    assert "nemotron" in worker_sandbox(_settings(), "nemotron").describe()
    monkeypatch.setattr(kernel, "landlock_abi", lambda: 0)
    assert "not limited: files and TCP" in worker_sandbox(_settings(), "rapidocr").describe()
    with pytest.raises(RuntimeError, match="cannot limit files"):
        worker_sandbox(_settings(SLIMGEST_SANDBOX="on"), "rapidocr")
    monkeypatch.setattr(kernel, "has_seccomp", lambda: False)
    assert "no sandbox: this system cannot limit files" in worker_sandbox(_settings(), "rapidocr").describe()
    assert policy.missing_support()[0].startswith("files") and len(policy.missing_support()) == 2


_PROGRAM = """
import os, subprocess, threading
from pathlib import Path
from slimgest_celery.sandbox import kernel
start = threading.Event()
def run():
    start.wait()
    try: subprocess.run(["/bin/true"])
    except PermissionError: print("refused")
if kernel.landlock_abi():
    kernel.restrict_access(readable=[Path("/usr"), Path("/lib"), Path("/bin")], writable=[], tcp_ports=[])
    try: Path("/etc/hosts").read_text()
    except PermissionError: print("refused")
thread = threading.Thread(target=run)
thread.start()
kernel.forbid_programs()
start.set()
thread.join()
run()
"""


@pytest.mark.skipif(not (kernel.landlock_abi() and kernel.has_seccomp()), reason="not supported by this kernel")
def test_the_kernel_refuses_files_and_programs_in_all_threads() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused"] * 3, done
