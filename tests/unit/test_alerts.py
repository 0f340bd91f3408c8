"""The alert rules, tried by Prometheus's own tool on series made up for it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.support.stack import ROOT


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not here (Debian: apt-get install prometheus)"
)
def test_each_alert_fires_when_it_should_and_none_while_all_is_well() -> None:
    command = ["promtool", "test", "rules", "tests/unit/alerts_tried.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
