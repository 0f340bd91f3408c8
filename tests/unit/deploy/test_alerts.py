"""The alert rules, tested by promtool on invented series."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.support.stack import ROOT


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)
def test_each_alert_fires_on_its_fault_and_none_on_a_healthy_service() -> None:
    command = ["promtool", "test", "rules", "tests/unit/deploy/alert_rules.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
