"""nginx and Caddy, with the files of deploy/, in front of an API on this machine."""

from __future__ import annotations

import http.client
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import trustme

from tests.support.ports import free_port
from tests.support.processes import start
from tests.support.stack import ROOT, wait_for

NAME = "slimgest.example.org"
DEPLOY = ROOT / "deploy"
_NGINX = """
daemon off;
{user}
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include slimgest.conf;
}}
"""
_CADDY = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"


def nginx(folder: Path, api_port: int, tls_port: int, path_block: str = "") -> list[str]:
    """Write nginx's files; return its command. `path_block` replaces the site's `location`."""
    site = (DEPLOY / "nginx" / "slimgest.conf").read_text()
    if path_block:
        site = re.sub(r"    location / \{.*?\n    \}\n", lambda _: path_block, site, flags=re.DOTALL)
    site = re.sub(r".*listen \[::\].*\n", "", site)
    site = site.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    site = site.replace("listen 443 ", f"listen 127.0.0.1:{tls_port} ")
    site = site.replace("/etc/ssl/certs/slimgest.pem", "tls.pem").replace("/etc/ssl/private/slimgest.key", "tls.key")
    (folder / "slimgest.conf").write_text(site.replace("127.0.0.1:8000", f"127.0.0.1:{api_port}"))
    (folder / "snippets").mkdir()
    shutil.copy(DEPLOY / "nginx" / "slimgest-proxy.conf", folder / "snippets")
    (folder / "nginx.conf").write_text(_NGINX.format(user="user root;" if Path("/root").owner() else ""))
    return [_program("nginx"), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]


def caddy(folder: Path, api_port: int, tls_port: int, path_block: str = "") -> list[str]:
    """Write Caddy's file; return its command. `path_block` replaces the line of the site."""
    site = (DEPLOY / "caddy" / "Caddyfile").read_text()
    if path_block:
        site = site.replace('\timport slimgest ""\n', path_block)
    site = site.replace(f"{NAME} {{\n", f"{NAME}:{tls_port} {{\n\tbind 127.0.0.1\n\ttls tls.pem tls.key\n")
    (folder / "Caddyfile").write_text(_CADDY + site.replace("127.0.0.1:8000", f"127.0.0.1:{api_port}"))
    return [_program("caddy"), "run", "--config", "Caddyfile"]


Configure = Callable[[Path, int, int, str], list[str]]


def _program(name: str) -> str:
    return shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin") or name


def is_installed(name: str) -> bool:
    return Path(_program(name)).is_absolute()


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """A running proxy: an HTTP client for it, and what a plain connection needs."""

    client: httpx.Client
    port: int
    trust: ssl.SSLContext

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection on which single parts of a request can be sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sock = self.trust.wrap_socket(plain, server_hostname=NAME)
        return connection


@contextmanager
def proxied(configure: Configure, folder: Path, api_url: str, path_block: str = "") -> Iterator[Proxy]:
    """Run a proxy in front of an API, with a new certificate."""
    authority = trustme.CA()
    certificate = authority.issue_cert(NAME)
    certificate.private_key_pem.write_to_path(folder / "tls.key")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(folder / "tls.pem", append=True)
    tls_port = free_port()
    command = configure(folder, int(api_url.rpartition(":")[2]), tls_port, path_block)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with (folder / "proxy.log").open("ab") as log:
        env = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        process = start(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        with httpx.Client(
            verify=trust,
            base_url=f"https://127.0.0.1:{tls_port}",
            headers={"Host": NAME},
            event_hooks={"request": [_name_the_host]},
            timeout=60,
        ) as client:
            wait_for(lambda: _answers(client), what=command[0], within_s=30, logs=folder)
            yield Proxy(client=client, port=tls_port, trust=trust)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _name_the_host(request: httpx.Request) -> None:
    request.extensions["sni_hostname"] = NAME


def _answers(client: httpx.Client) -> bool:
    try:
        client.get("/")
    except httpx.TransportError:
        return False
    return True
