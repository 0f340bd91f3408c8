"""Several hosts on one machine: network namespaces that share nothing but what lies on the hub between them.

Everything happens inside namespaces made here; the machine's own network is neither used nor touched. The test itself
reaches the hub's Redis, and an API in any host, by Unix sockets, which namespaces of the network do not divide.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Host:
    """A host with one cable to the hub."""

    namespace: str
    hub: str  # the hub's namespace
    plug: str  # the cable's end there
    hub_address: str

    def argv(self, *argv: str) -> list[str]:
        """A command that runs on this host."""
        return inside(self.namespace, *argv)

    def cut(self) -> None:
        """Pulls the cable: what is sent vanishes, and nobody is told."""
        _ip("-n", self.hub, "link", "set", self.plug, "down")

    def mend(self) -> None:
        _ip("-n", self.hub, "link", "set", self.plug, "up")


@contextmanager
def hub_and_hosts(count: int) -> Iterator[tuple[str, list[Host]]]:
    """The namespace of a hub, and hosts that reach it and nobody else."""
    with ExitStack() as exits:
        hub = exits.enter_context(_namespace(f"sg{os.getpid()}-hub"))
        yield hub, [exits.enter_context(_host(hub, number)) for number in range(count)]


@contextmanager
def _host(hub: str, number: int) -> Iterator[Host]:
    plug, ours, theirs = f"host{number}", f"10.231.{number}.1", f"10.231.{number}.2"
    with _namespace(f"sg{os.getpid()}-{number}") as name:
        _ip("-n", hub, "link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns", name)
        for namespace, device, address in ((hub, plug, ours), (name, "eth0", theirs)):
            _ip("-n", namespace, "address", "add", f"{address}/30", "dev", device)
            _ip("-n", namespace, "link", "set", device, "up")
        yield Host(namespace=name, hub=hub, plug=plug, hub_address=ours)


@contextmanager
def _namespace(name: str) -> Iterator[str]:
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        _ip("netns", "del", name)


def inside(namespace: str, *argv: str) -> list[str]:
    """A command that runs in a namespace; the process keeps its id."""
    return [_program(), "netns", "exec", namespace, *argv]


def why_not() -> str | None:
    """What keeps this machine from having hosts within; None if nothing does."""
    if shutil.which("ip") is None:
        return "`ip` is not installed (Debian: iproute2)"
    try:
        with hub_and_hosts(1):
            return None
    except subprocess.CalledProcessError as error:
        return f"network namespaces are not allowed here: {error.stderr.decode().strip()}"


def _ip(*arguments: str) -> None:
    subprocess.run([_program(), *arguments], check=True, capture_output=True)


def _program() -> str:
    return shutil.which("ip") or "/usr/sbin/ip"
