"""What the probes promise, kept with this very process and the machine it runs on."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loadgen.engine.clock import now_ns
from loadgen.engine.probe import MachineProbe, Probe

pytestmark = pytest.mark.system

on_linux = pytest.mark.skipif(not Path("/proc/net/sockstat").exists(), reason="the kernel does not tell of its sockets")


def work(cpu_ns: int) -> None:
    """Use so much CPU time of this process."""
    until_ns = psutil.Process().cpu_times().user * 1e9 + cpu_ns
    while psutil.Process().cpu_times().user * 1e9 < until_ns:
        sum(range(10_000))


@contextlib.contextmanager
def connected_pairs(count: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """So many TCP connections of this process with itself; what is sent is never read."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        pairs = []
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(listener.getsockname()))
            server, _ = listener.accept()
            pairs.append((client, stack.enter_context(server)))
        yield pairs


def test_a_process_is_read_at_an_instant_of_our_clock() -> None:
    """So that readings and messages lie on one axis."""
    before_ns = now_ns()
    reading = Probe(os.getpid()).read()

    assert reading is not None
    assert before_ns <= reading.at_ns <= now_ns()
    assert reading.rss_bytes > 10**6


def test_cpu_time_that_a_process_used_is_seen() -> None:
    """User and system time together, in nanoseconds."""
    probe = Probe(os.getpid())
    before = probe.read()
    work(50_000_000)
    after = probe.read()

    assert before is not None
    assert after is not None
    assert after.cpu_ns - before.cpu_ns + 10_000_000 >= 50_000_000  # the kernel tells it in ticks of 10 ms


@on_linux
def test_each_descriptor_is_counted() -> None:
    """Those that were opened since the last reading too."""
    probe = Probe(os.getpid())
    before = probe.read()
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(Path(os.devnull).open())
        after = probe.read()

    assert before is not None
    assert after is not None
    assert before.descriptor_count is not None
    assert after.descriptor_count == before.descriptor_count + 100


@on_linux
def test_descriptors_that_have_to_be_listed_are_as_many(tmp_path: Path) -> None:
    """Where the kernel does not tell their number, they are counted one by one."""
    told, listed = Probe(os.getpid()).read(), Probe(os.getpid(), proc=tmp_path).read()

    assert told is not None
    assert listed is not None
    # To list them takes a descriptor.
    assert listed.descriptor_count in (told.descriptor_count, (told.descriptor_count or 0) + 1)


def test_a_process_that_is_gone_gives_none() -> None:
    """Whether or not its parent has been told, and however late the probe is made."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    probe = Probe(process.pid)
    alive = probe.read()
    process.kill()
    # Until it is waited for, it is a zombie: a pid, and nothing behind it.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    zombie = probe.read()
    process.communicate()

    assert alive is not None
    assert zombie is None
    assert probe.read() is None
    assert Probe(process.pid).read() is None


def test_the_machine_was_busy_at_least_as_long_as_we_were() -> None:
    """All cores together, since it began; interrupts are a part of it."""
    probe = MachineProbe()
    before = probe.read()
    work(100_000_000)
    after = probe.read()

    assert after.core_count >= 1
    assert after.at_ns > before.at_ns
    assert after.busy_ns - before.busy_ns >= 50_000_000  # half of it: the kernel looks only once in 10 ms
    assert 0 <= after.interrupt_ns - before.interrupt_ns <= after.busy_ns - before.busy_ns


@on_linux
def test_sockets_are_counted_while_they_are_open() -> None:
    """Ours, and whoever else's."""
    with connected_pairs(50):
        in_use = MachineProbe().read().sockets_in_use

    assert in_use is not None
    assert in_use >= 100


@on_linux
def test_what_lies_unread_in_sockets_is_memory_of_the_kernel() -> None:
    """In the books of no process."""
    sent_bytes = 0
    with connected_pairs(8) as pairs:
        for client, _ in pairs:
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    sent_bytes += client.send(bytes(65_536))
        memory_bytes = MachineProbe().read().socket_memory_bytes

    assert memory_bytes is not None
    # The kernel keeps 1 MB a core to itself before it counts.
    assert memory_bytes >= sent_bytes - (os.cpu_count() or 1) * 2**20


def test_sockets_of_both_families_are_counted_and_their_memory_once(tmp_path: Path) -> None:
    """The kernel keeps one account of pages for both."""
    net = tmp_path / "net"
    net.mkdir()
    (net / "sockstat").write_text("sockets: used 9\nTCP: inuse 5 orphan 0 tw 2 alloc 7 mem 27\nUDP: inuse 1 mem 3\n")
    (net / "sockstat6").write_text("TCP6: inuse 4\nUDP6: inuse 0\n")
    reading = MachineProbe(tmp_path).read()

    assert reading.sockets_in_use == 9
    assert reading.socket_memory_bytes == 27 * os.sysconf("SC_PAGE_SIZE")


def test_a_system_that_does_not_tell_of_its_sockets_gives_none(tmp_path: Path) -> None:
    """Not 0."""
    reading = MachineProbe(tmp_path).read()

    assert (reading.socket_memory_bytes, reading.sockets_in_use) == (None, None)
