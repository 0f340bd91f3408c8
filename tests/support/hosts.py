"""Several hosts on one machine: network namespaces that are connected only through a hub.

All traffic stays inside these namespaces; the network of the machine is neither used nor changed. The test itself
reaches the Redis of the hub, and an API on any host, by Unix sockets, which network namespaces do not separate.
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
        """Return a command that runs on this host."""
        return inside(self.namespace, *argv)

    def disconnect(self) -> None:
        """Disconnect the cable: packets are lost without an error."""
        _ip("-n", self.hub, "link", "set", self.plug, "down")

    def reconnect(self) -> None:
        _ip("-n", self.hub, "link", "set", self.plug, "up")


@contextmanager
def hub_and_hosts(count: int) -> Iterator[tuple[str, list[Host]]]:
    """The namespace of a hub, and hosts that reach only this hub."""
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
    """Return a command that runs in a namespace; the process keeps its id."""
    return [_program(), "netns", "exec", namespace, *argv]


def why_unavailable() -> str | None:
    """Return the reason why this machine cannot have such hosts, or None."""
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
