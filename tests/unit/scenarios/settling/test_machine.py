"""Nodes, processes, sockets and ports: what a run takes, and what a machine has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.layers import Files, Layers
from scenarios.machine import Machine, settle_source_addresses
from scenarios.settle import settle
from tests.support.settled import A_MACHINE, A_SERVER, Write, complaint, complaint_on, plan_of, row


@pytest.mark.parametrize(
    ("typed", "base_urls"),
    [
        ([A_SERVER], (A_SERVER,)),
        (["ws://127.0.0.1:1/", "http://127.0.0.1:2"], ("http://127.0.0.1:1", "http://127.0.0.1:2")),
    ],
)
def test_a_target_may_be_several_nodes(write: Write, typed: list[str], base_urls: tuple[str, ...]) -> None:
    """By flag, by variable with blanks or commas between, and by a list in the file."""
    by_flag = settle("fanout", {"target.url": typed}, {})
    by_variable = settle("fanout", {}, {"CHATBENCH_TARGET": ", ".join(typed)})
    by_file = settle(write(f"[target]\nurl = {typed}\n"), {}, {})

    assert by_flag.base_urls == by_variable.base_urls == by_file.base_urls == base_urls
    assert plan_of(by_flag).base_urls == base_urls


def test_without_a_target_there_is_no_address() -> None:
    """It is known when the embedded server has started."""
    assert settle("fanout", {}, {}).base_urls == ()


@pytest.mark.parametrize("url", ['["http://x", "y"]', '"y"'])
def test_each_address_of_a_target_is_checked(write: Write, url: str) -> None:
    """And the wrong one is told."""
    assert complaint(write(f"[target]\nurl = {url}\n")) == (
        'mine.toml: target.url: expected an address like "http://127.0.0.1:8000" or "wss://chat.example.org", got "y"'
    )


def test_a_target_without_any_address_is_refused(write: Write) -> None:
    """An empty list is not the embedded server."""
    assert complaint(write("[target]\nurl = []\n")) == (
        "mine.toml: target.url: expected an address, or a list of them, got []"
    )


@pytest.mark.parametrize(
    ("cores", "target", "users", "processes"),
    [
        (4, A_SERVER, 500, 4),
        (4, None, 500, 3),
        (1, None, 500, 1),
        (None, A_SERVER, 500, 1),
        (4, A_SERVER, 2, 2),
        (96, A_SERVER, 500, 64),
    ],
)
def test_auto_is_a_process_for_each_core_that_is_free(
    cores: int | None, target: str | None, users: int, processes: int
) -> None:
    """The embedded server has a core of its own; no process is without a user; the document shows the number."""
    machine = Machine(cores, sockets_per_process=1000, ephemeral_port_count=None)
    flags = {"run.processes": "auto", "users.count": users} | ({"target.url": target} if target else {})

    settled = settle("fanout", flags, {}, machine)

    assert settled.process_count == processes
    assert row(settled, "run.processes") == (processes, "flag")


def test_one_process_is_the_default() -> None:
    """Whatever the machine has."""
    settled = settle("fanout", {}, {}, A_MACHINE)

    assert settled.process_count == 1
    assert row(settled, "run.processes") == (1, "default")


def test_more_processes_than_users_are_refused() -> None:
    """One would have nothing to do."""
    assert complaint("fanout", {"users.count": 3, "run.processes": 4}) == (
        "--processes: expected at most a process a user (3), got 4"
    )


@pytest.mark.parametrize(
    ("processes", "line"),
    [
        (1, "expected at most 100, the sockets that one process may open here"),
        (2, "expected at most 200, the sockets that 2 processes may open here"),
    ],
)
def test_more_users_than_files_may_be_open_are_refused(processes: int, line: str) -> None:
    """With the limit, where it is set, and the way out; never a crash in the middle of connecting."""
    machine = Machine(core_count=4, sockets_per_process=100, ephemeral_port_count=None)
    flags = {"run.processes": processes, "users.count": 100 * processes}

    assert settle("fanout", flags, {}, machine).process_count == processes
    assert complaint_on(machine, "fanout", flags | {"users.count": 100 * processes + 1}) == (
        f"--users: {line} (ulimit -Hn; --processes N has N times as many), got {100 * processes + 1}"
    )


@pytest.mark.parametrize(
    ("users", "target", "addresses"),
    [
        (900, None, ()),
        (901, None, ("127.0.0.1", "127.0.0.2")),
        (1600, ["http://127.0.0.1:80"], ("127.0.0.1", "127.0.0.2")),
        (1601, ["http://localhost:80"], ("127.0.0.1", "127.0.0.2", "127.0.0.3")),
        (1800, ["http://127.0.0.1:80", "http://127.9.9.9:80"], ()),
        (1802, ["http://127.0.0.1:80", "http://127.9.9.9:80"], ("127.0.0.1", "127.0.0.2", "127.0.0.3")),
        (902, ["http://127.0.0.1:80", "http://127.0.0.1:80"], ("127.0.0.1", "127.0.0.2")),
        (900, [A_SERVER], ()),
    ],
)
def test_where_the_ports_do_not_suffice_a_loopback_target_is_reached_from_several_addresses(
    users: int, target: list[str] | None, addresses: tuple[str, ...]
) -> None:
    """Up to nine tenths of the ports a node the system chooses; beyond, no address uses more than eight tenths."""
    machine = Machine(core_count=4, sockets_per_process=10_000, ephemeral_port_count=1000)
    flags = {"users.count": users} | ({"target.url": target} if target else {})

    assert plan_of(settle("fanout", flags, {}, machine)).source_addresses == addresses


@pytest.mark.parametrize("target", [[A_SERVER], ["http://10.0.0.1"], ["http://[::1]"], ["http://127.example.org"]])
def test_where_the_ports_do_not_suffice_for_another_machine_the_run_is_refused(target: list[str]) -> None:
    """With what there is, and where it is set."""
    machine = Machine(core_count=4, sockets_per_process=10_000, ephemeral_port_count=1000)

    assert complaint_on(machine, "fanout", {"target.url": target, "users.count": 901}) == (
        "--users: expected at most 900 users a node of the target, since this machine has 1000 ports to connect from "
        "(sysctl net.ipv4.ip_local_port_range widens that), got 901"
    )


def test_ports_that_cannot_be_counted_limit_nothing() -> None:
    """Where the system does not tell, it is tried."""
    machine = Machine(core_count=4, sockets_per_process=10**6, ephemeral_port_count=None)
    flags = {"target.url": A_SERVER, "users.count": 100_000}

    assert plan_of(settle("fanout", flags, {}, machine)).source_addresses == ()


@given(st.integers(1, 200_000), st.integers(1, 65_535), st.integers(1, 5))
def test_no_source_address_needs_more_ports_than_there_are(users: int, ports: int, node_count: int) -> None:
    """Connections to two nodes may share a port only where the system chooses it."""
    base_urls = [f"http://127.0.0.1:{1 + i}" for i in range(node_count)]

    addresses = settle_source_addresses(base_urls, users, ports, Layers(Files("x.toml", {}, {}), {}, {}))

    if addresses:
        assert users <= 0.8 * ports * len(addresses)
    else:
        assert -(-users // node_count) <= 0.9 * ports
