"""nginx and Caddy in front of the API, with the files of deploy/: events, uploads, links, headers."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimgest_celery.client import parse
from tests.support import pdfs, proxies
from tests.support.stack import ROOT, Stack

CONFIGURE = {"nginx": proxies.nginx, "caddy": proxies.caddy}
PREFIX = "/slimgest"
GUIDE = ROOT / "docs" / "deploy.md"


@pytest.fixture(scope="module", params=CONFIGURE)
def name(request: pytest.FixtureRequest) -> str:
    if not proxies.is_installed(request.param):
        pytest.skip(f"{request.param} is not installed (Debian: apt-get install {request.param})")
    return str(request.param)


@pytest.fixture(scope="module")
def api(stack: Stack) -> str:
    """An API behind a proxy on this machine, without API keys."""
    return stack.start_api(SLIMGEST_TRUSTED_PROXIES="127.0.0.1", SLIMGEST_ALLOWED_HOSTS=proxies.NAME)


@pytest.fixture(scope="module")
def proxy(name: str, api: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[proxies.Proxy]:
    with proxies.proxied(CONFIGURE[name], tmp_path_factory.mktemp(name), api) as client:
        yield client


def test_a_page_event_arrives_while_the_job_is_read(proxy: proxies.Proxy, stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(250))
    with proxy.client.stream("GET", f"/jobs/{job_id}/events") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        types = (event.type for event in parse(answer.iter_lines()))
        assert next(types) == "start" and next(types) == "page"
        assert stack.status(job_id)["status"] == "processing"
    stack.request("DELETE", f"/jobs/{job_id}")


def test_an_upload_above_the_usual_limit_of_a_proxy_is_read(proxy: proxies.Proxy) -> None:
    upload = pdfs.numbered(1) + b"\n%" + b"x" * 1_500_000  # nginx accepts 1 MB by default; this API 2 MB
    answer = proxy.client.post("/process-pdf", files={"file": ("long.pdf", upload)})
    assert answer.status_code == 200 and answer.json()["pdfs"][0]["pages"][0]["text"] == "page 1"


def test_a_larger_upload_is_refused_with_the_code_of_slimgest(proxy: proxies.Proxy) -> None:
    answer = proxy.client.post("/jobs", files={"file": ("long.pdf", b"%PDF-1.7\n" + b"x" * (8 << 20))})
    assert (answer.status_code, answer.json()["code"]) == (413, "upload.too_large")


def test_an_upload_is_not_collected_by_the_proxy(proxy: proxies.Proxy, name: str) -> None:
    if name == "caddy":
        pytest.skip("Caddy passes uploads on at once, but an answer only after the upload")
    # The API refuses the announced length: the answer comes before the body is sent.
    head = {"Host": proxies.NAME, "Content-Type": "application/pdf", "Content-Length": str(8 << 20)}
    connection = proxy.connect()
    connection.putrequest("POST", "/jobs", skip_host=True)
    for header, value in head.items():
        connection.putheader(header, value)
    connection.endheaders(b"%PDF-1.7\n")
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["code"]) == (413, "upload.too_large")
    connection.close()


def test_redirects_and_links_lead_to_the_proxy(proxy: proxies.Proxy, stack: Stack) -> None:
    sent = proxy.client.post("/jobs", files={"file": ("a.pdf", pdfs.numbered(1))})
    assert sent.status_code == 202 and sent.headers["Location"] == f"/jobs/{sent.json()['job_id']}"
    stack.wait_end(sent.json()["job_id"])
    page = proxy.client.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")


def test_a_client_cannot_choose_host_prefix_or_port_through_the_proxy(proxy: proxies.Proxy, stack: Stack) -> None:
    evil = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Port": "666"}
    sent = proxy.client.post("/jobs", files={"file": ("a.pdf", pdfs.numbered(1))}, headers=evil)
    assert sent.status_code == 202 and sent.headers["Location"].startswith("/jobs/")
    assert "evil" not in sent.text
    stack.wait_end(sent.json()["job_id"])


def test_below_a_path_all_links_lead_through_the_proxy(name: str, api: str, stack: Stack, tmp_path: Path) -> None:
    block = _documented_block(name)
    with proxies.proxied(CONFIGURE[name], tmp_path, api, block) as proxy:
        client = proxy.client
        sent = client.post(f"{PREFIX}/jobs", files={"file": ("a.pdf", pdfs.numbered(1))})
        job_id = sent.json()["job_id"]
        assert sent.headers["Location"] == f"{PREFIX}/jobs/{job_id}"
        assert f'"result_url": "{PREFIX}/jobs/{job_id}/result"' in client.get(f"{PREFIX}/jobs/{job_id}/events").text
        assert client.get(f"{PREFIX}/jobs/{job_id}").json()["links"]["result"] == f"{PREFIX}/jobs/{job_id}/result"
        (script,) = re.findall(r'src="(\S+bundle\.js)"', client.get(f"{PREFIX}/docs").text)
        assert client.get(f"{PREFIX}/{script}").status_code == 200


def _documented_block(name: str) -> str:
    """Return the block of docs/deploy.md that serves slimgest below a path."""
    start = {"nginx": r"location /slimgest/ \{", "caddy": r"handle_path /slimgest/\* \{"}[name]
    (found,) = re.findall(rf"(?ms)^    ({start}.*?^    \}})", GUIDE.read_text())
    return textwrap.indent(textwrap.dedent(found), "    ") + "\n"
