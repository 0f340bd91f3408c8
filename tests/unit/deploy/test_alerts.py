"""The alert rules, tested by promtool on invented series."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml

from tests.support.stack import ROOT


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)
def test_each_alert_fires_on_its_fault_and_none_on_a_healthy_service() -> None:
    command = ["promtool", "test", "rules", "tests/unit/deploy/alert_rules.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_documentation_says_what_to_do_for_each_alert() -> None:
    (group,) = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    alerts = [rule["alert"] for rule in group["rules"]]
    described = re.findall(r"(?m)^\| `(Slimgest\w+)` \| [^|]+ \| [^|]{40,} \|$", (ROOT / "docs/deploy.md").read_text())
    assert described == alerts
