"""The servers: how each is started, what it is set to, and which version it is."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import pytest

from benchmarks.common import BenchmarkError
from scenarios.dialect_files import named_text
from tests.support.peers import NODE_FOLDER, Peer, mosquitto, nchan, socketio_node
from tests.support.programs import listening

# Longer than a run: nobody pings.
QUIET_S = 120


@dataclass(frozen=True, slots=True)
class Side:
    """One server."""

    name: str
    start: Callable[[], AbstractContextManager[Peer]]
    version: Callable[[], str]
    set_to: str
    """What it does, and does not, in a few words."""


@contextmanager
def started(side: Side, core: int | None) -> Iterator[Peer]:
    """Run a server on one core until the block ends; raises BenchmarkError, also where it is not installed."""
    with ExitStack() as stack:
        try:
            with _kept_to(core):
                peer = stack.enter_context(side.start())
        except pytest.skip.Exception as missing:
            raise BenchmarkError(f"{side.name}: {missing}") from None
        except (RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
            raise BenchmarkError(f"{side.name}: {error}") from error
        yield peer


@contextmanager
def _kept_to(core: int | None) -> Iterator[None]:
    """Whatever is started in the block stays on one core, and so do all its threads and children."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _reference() -> Iterator[Peer]:
    program = (sys.executable, "-m", "benchmarks.server.without_store", "--lift-limits", "--accounts", "1000")
    with listening([*program, "--port", "0", "--exit-with-stdin"]) as said:
        yield Peer("reference", said.url, named_text("reference"), pid=said.pid)


def _said_by(*command: str) -> str:
    """The first number like 1.2.3 that a program prints about itself."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=10)
    except OSError:
        return "unknown"
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return "unknown" if found is None else found[0]


def _socketio_version() -> str:
    package = json.loads((NODE_FOLDER / "node_modules/socket.io/package.json").read_text(encoding="utf-8"))
    return f"socket.io {package['version']}, Node {_said_by('node', '--version')}"


def _reference_version() -> str:
    return f"chatbench {version('chatbench')}, uvicorn {version('uvicorn')}"


def _nchan_version() -> str:
    nchan_package = _said_by("dpkg-query", "--show", "--showformat", "${Version}", "libnginx-mod-nchan")
    return f"nchan {nchan_package}, nginx {_said_by('nginx', '-v')}"


SIDES = (
    Side(
        "Socket.IO",
        partial(socketio_node, QUIET_S),
        _socketio_version,
        "tests/support/peers_node/chat.js: a room each, an acknowledgement when a message has been emitted; WebSocket "
        "from the start, the default adapter, no compression",
    ),
    Side(
        "reference server",
        _reference,
        _reference_version,
        "this project's own, with a store that keeps nothing; logins, an acknowledgement and a number for each message",
    ),
    Side(
        "mosquitto",
        mosquitto,
        lambda: f"mosquitto {_said_by('mosquitto', '-h')}",
        "MQTT 3.1.1: published with QoS 1 and so acknowledged, delivered with QoS 0; no persistence, nothing retained, "
        "names and passwords",
    ),
    Side(
        "nchan",
        partial(nchan, QUIET_S),
        _nchan_version,
        "one worker process, a channel for each room, a message buffer of length 0; publishes over the same socket, "
        "and acknowledges nothing",
    ),
)
