"""The autoscaler of the workers on a cluster reads the length of the queue from the service."""

from __future__ import annotations

from functools import reduce

import httpx

from tests.support import helm, pdfs
from tests.support.stack import ROOT, Stack, wait_for

pytestmark = helm.NEEDS_HELM


def test_the_scaler_finds_the_length_of_the_queue(stack: Stack) -> None:
    resources = helm.resources(helm.render(ROOT / "deploy/helm/slimgest", {"scaling": {"enabled": True}}))
    (scaled,) = (each for each in resources if each["kind"] == "ScaledObject")
    asked = [trigger["metadata"] for trigger in scaled["spec"]["triggers"]]

    def depths() -> list[int]:
        answers = [stack.get(httpx.URL(each["url"]).path).json() for each in asked]
        return [
            reduce(lambda node, name: node[name], each["valueLocation"].split("."), answer)
            for each, answer in zip(asked, answers, strict=True)
        ]

    job_id = stack.submit(pdfs.numbered(250))
    wait_for(lambda: min(depths()) > 0, what="pages and jobs ahead")
    stack.request("DELETE", f"/jobs/{job_id}")
    wait_for(lambda: depths() == [0, 0], what="an empty queue")
