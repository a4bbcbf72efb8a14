"""A network of our own: a namespace with two cables to it, one of which can be cut. Root only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.support.peers import needed


@dataclass(frozen=True, slots=True)
class Network:
    """Whoever runs inside reaches us over one cable, and is reached over the other."""

    name: str
    address: str
    """Of those inside."""
    host: str
    """Of ours, over the cable that can be cut."""

    @property
    def prefix(self) -> tuple[str, ...]:
        """What to put before a command to run it inside."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Let nothing through any more: nobody is told."""
        _ip("-n", self.name, "link", "set", "inner1", "down")

    def mend(self) -> None:
        """As before."""
        _ip("-n", self.name, "link", "set", "inner1", "up")


@contextmanager
def network() -> Iterator[Network]:
    """Have one until the block ends; skips the test where it cannot be made."""
    needed("ip", install="apt-get install iproute2")
    # Of a process there is one at most. The addresses are set aside for tests of networks (RFC 2544): nobody is there.
    name, addresses = f"chatbench{os.getpid()}", f"198.18.{os.getpid() % 256}"
    cables = [f"cb{os.getpid()}n{number}" for number in (0, 1)]
    if (refused := _refusal("netns", "add", name)) is not None:
        pytest.skip(f"no network of our own here (root alone may make one): {refused}")
    try:
        for number, near in enumerate(cables):
            ours, theirs = number * 4 + 1, number * 4 + 2
            added = ("link", "add", near, "type", "veth", "peer", "name", f"inner{number}", "netns", name)
            if (refused := _refusal(*added)) is not None:
                pytest.skip(f"no cable to a network of our own here: {refused}")
            _ip("addr", "add", f"{addresses}.{ours}/30", "dev", near)
            _ip("link", "set", near, "up")
            _ip("-n", name, "addr", "add", f"{addresses}.{theirs}/30", "dev", f"inner{number}")
            _ip("-n", name, "link", "set", f"inner{number}", "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield Network(name, address=f"{addresses}.2", host=f"{addresses}.5")
    finally:
        for near in cables:
            # With the near end goes the far one; a namespace would take a while to let go of them.
            _refusal("link", "delete", near)
        _ip("netns", "delete", name)


def _refusal(*arguments: str) -> str | None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip() or f"ip {arguments[0]} ended with {done.returncode}"


def _ip(*arguments: str) -> None:
    refused = _refusal(*arguments)
    assert refused is None, refused
