"""What a machine can carry, from exact facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scenarios.doctor.checkup import check_up
from scenarios.doctor.facts import Facts, Requirement
from scenarios.doctor.findings import Check, Finding, Severity

ROOMY = Facts(
    is_root=True,
    open_files_soft=1_048_576,
    open_files_hard=1_048_576,
    most_open_files=1_048_576,
    sockets_per_process=1_048_376,
    ports=(32768, 60999),
    connections_per_node=25_408,
    listen_queue=4096,
    syn_queue=512,
    syn_cookies=True,
    connects_at_once=500,
    core_count=4,
    cpu_quota_cores=None,
    process_count=4,
    process_count_beside_server=3,
    memory_left_bytes=8_000_000_000_000,
    memory_whose="of this machine",
    clock_source="tsc",
    clock_sources=("tsc", "hpet"),
    clock_read_ns=40.4,
    others_cpu_ratio=0.02,
    python="3.12.1",
    python_wanted=">=3.11",
    python_is_met=True,
    requirements=(Requirement("numpy", ">=2.0", "2.1.0", is_met=True),),
    uvloop="0.21.0",
)
TIGHT_FILES: dict[str, Any] = {"open_files_soft": 256, "open_files_hard": 1024, "sockets_per_process": 824}


def finding(check: Check, user_count: int | None = None, **facts: Any) -> Finding:
    """One finding on a roomy machine where these facts are otherwise."""
    checkup = check_up(replace(ROOMY, **facts), user_count)
    return next(each for each in checkup.findings if each.check is check)


def test_a_machine_on_which_all_is_well_is_given_no_command() -> None:
    """Nothing is recommended that is fine already; each check is there once."""
    checkup = check_up(ROOMY)

    assert [each.check for each in checkup.findings] == list(Check)
    assert {each.severity for each in checkup.findings} == {Severity.OK}
    assert {each.command for each in checkup.findings} == {None}
    assert checkup.fits is None


def test_users_who_find_no_memory_do_not_fit() -> None:
    """Whoever says so is named: a container may grant less than the machine has."""
    tight: dict[str, Any] = {"memory_left_bytes": 300_000_000, "memory_whose": "of its control group"}
    found = finding(Check.MEMORY, 20_000, **tight)
    assert (found.severity, found.found) == (Severity.TOO_LITTLE, "300 MB")
    assert found.means == "left of its control group; 20,000 users take about 470 MB, without the server"

    assert finding(Check.MEMORY, 9_000, **tight).severity is Severity.OK
    assert finding(Check.MEMORY, **tight).severity is Severity.WARNING
    assert check_up(replace(ROOMY, **tight), 20_000).verdict == (
        "20,000 users do not fit: they take about 470 MB, and 300 MB are left of its control group."
    )
    assert finding(Check.MEMORY, memory_left_bytes=None, memory_whose=None).severity is Severity.UNKNOWN


def test_one_core_is_shared_by_server_and_generator() -> None:
    """Which is fine as long as one knows."""
    assert "server and generator share it" in finding(Check.CORES, core_count=1).means
    assert "share it" not in finding(Check.CORES).means


def test_the_verdict_says_how_many_users_there_can_be_in_one_process_and_in_all() -> None:
    """And to one node elsewhere, which ports limit."""
    assert check_up(ROOMY).verdict == (
        "Up to 1,048,376 users in one process, 4,193,504 with 4 processes (--processes auto); to one node that is not "
        "on this machine 25,408."
    )
    assert check_up(replace(ROOMY, process_count=1, connections_per_node=None)).verdict == (
        "Up to 1,048,376 users in one process."
    )


@pytest.mark.parametrize(
    ("facts", "user_count", "fits", "verdict"),
    [
        ({}, 25_408, True, "25,408 users fit: at most"),
        (TIGHT_FILES, 825, True, "825 users fit with --processes 2: at most"),
        (TIGHT_FILES, 3_297, False, "3,297 users do not fit: at most 824 users in one process, 3,296 with"),
        ({}, 25_409, False, "25,409 users fit where the server is on this machine, but not where it is elsewhere"),
    ],
)
def test_users_fit_where_neither_files_nor_ports_are_too_few(
    facts: dict[str, Any], user_count: int, fits: bool, verdict: str
) -> None:
    """Files limit a process, ports what leads to one node."""
    checkup = check_up(replace(ROOMY, **facts), user_count)

    assert checkup.fits is fits
    assert checkup.verdict.startswith(verdict)


@pytest.mark.parametrize(
    ("facts", "command"),
    [
        ({}, "ulimit -n 1048576"),
        ({"is_root": False}, "sudo prlimit --pid $$ --nofile=1048576:1048576"),
        ({"most_open_files": 65_536}, "ulimit -n 65536"),
        ({"most_open_files": 1024}, None),
    ],
)
def test_few_files_come_with_the_command_that_allows_more(facts: dict[str, Any], command: str | None) -> None:
    """As far as the kernel lets it be raised, and by whom."""
    found = finding(Check.OPEN_FILES, **TIGHT_FILES, **facts)

    assert (found.severity, found.command) == (Severity.WARNING, command)
    assert found.found == "1,024"
    assert found.means == "824 sockets a process; a run raises the soft limit of 256 by itself"


def test_a_soft_limit_alone_is_no_trouble() -> None:
    """A run raises it by itself."""
    assert finding(Check.OPEN_FILES, open_files_soft=1024).severity is Severity.OK


def test_files_that_do_not_suffice_for_the_users_asked_for_are_too_little() -> None:
    """With all processes that the cores are good for."""
    assert finding(Check.OPEN_FILES, 3_297, **TIGHT_FILES).severity is Severity.TOO_LITTLE
    assert finding(Check.OPEN_FILES, 3_296, **TIGHT_FILES).severity is Severity.WARNING
    assert finding(Check.OPEN_FILES, 824, **TIGHT_FILES).severity is Severity.OK


@pytest.mark.parametrize(
    ("facts", "user_count", "severity", "command"),
    [
        ({}, None, Severity.OK, None),
        ({"connections_per_node": 900}, None, Severity.WARNING, 'net.ipv4.ip_local_port_range="1024 65535"'),
        ({}, 25_409, Severity.TOO_LITTLE, 'net.ipv4.ip_local_port_range="1024 65535"'),
        ({"ports": (1024, 65535), "connections_per_node": 58_060}, 60_000, Severity.TOO_LITTLE, None),
        ({"ports": None, "connections_per_node": None}, 60_000, Severity.UNKNOWN, None),
    ],
)
def test_few_ports_come_with_the_command_that_allows_more(
    facts: dict[str, Any], user_count: int | None, severity: Severity, command: str | None
) -> None:
    """Unless all there are may be used already."""
    found = finding(Check.PORTS, user_count, **facts)

    assert found.severity is severity
    assert found.command == (None if command is None else f"sysctl -w {command}")


@pytest.mark.parametrize(
    ("length", "user_count", "severity", "command"),
    [
        (2000, None, Severity.OK, None),
        (1999, None, Severity.WARNING, "sudo sysctl -w net.core.somaxconn=4096"),
        (128, 128, Severity.OK, None),
        (None, None, Severity.UNKNOWN, None),
    ],
)
def test_the_listen_queue_must_hold_the_connections_under_way(
    length: int | None, user_count: int | None, severity: Severity, command: str | None
) -> None:
    """Those of all processes, and never more than there are users."""
    found = finding(Check.LISTEN_QUEUE, user_count, listen_queue=length, is_root=False)

    assert (found.severity, found.command) == (severity, command)


def test_many_processes_ask_for_a_longer_queue_than_the_usual() -> None:
    """A power of two, as the kernel has it."""
    found = finding(Check.LISTEN_QUEUE, process_count=16)

    assert found.command == "sysctl -w net.core.somaxconn=8192"


def test_the_syn_queue_counts_only_without_syn_cookies() -> None:
    """With them the kernel does not look at its length."""
    without = finding(Check.SYN_QUEUE, syn_cookies=False)

    assert finding(Check.SYN_QUEUE).severity is Severity.OK
    assert (without.severity, without.command) == (
        Severity.WARNING,
        "sysctl -w net.ipv4.tcp_max_syn_backlog=4096",
    )


def test_what_the_cores_are_good_for_is_said() -> None:
    """Beside the embedded server there is one less."""
    assert finding(Check.CORES).means == "--processes auto gives 4, beside the embedded server 3"
    assert finding(Check.CORES, core_count=None).severity is Severity.UNKNOWN


@pytest.mark.parametrize(("quota", "process_count"), [(1.5, 1), (0.5, 1), (3.0, 3)])
def test_a_container_that_grants_fewer_cores_is_noticed(quota: float, process_count: int) -> None:
    """More processes than that only wait for one another."""
    found = finding(Check.CORES, cpu_quota_cores=quota)

    assert (found.severity, found.found) == (Severity.WARNING, f"{quota:g} of 4")
    assert found.command == f"chatbench run --processes {process_count}"


def test_a_quota_of_all_cores_is_none() -> None:
    """It takes nothing away."""
    assert finding(Check.CORES, cpu_quota_cores=4.0).severity is Severity.OK


@pytest.mark.parametrize(
    ("facts", "severity", "command"),
    [
        ({"clock_read_ns": 250.0}, Severity.OK, None),
        (
            {"clock_read_ns": 900.0, "clock_source": "hpet"},
            Severity.WARNING,
            "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource",
        ),
        (
            {"clock_read_ns": 900.0, "clock_source": "hpet", "is_root": False},
            Severity.WARNING,
            "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource",
        ),
        ({"clock_read_ns": 900.0}, Severity.WARNING, None),
        ({"clock_read_ns": 900.0, "clock_source": "hpet", "clock_sources": ("hpet",)}, Severity.WARNING, None),
        ({"clock_source": None, "clock_sources": ()}, Severity.OK, None),
    ],
)
def test_a_slow_clock_comes_with_a_faster_one_where_there_is_one(
    facts: dict[str, Any], severity: Severity, command: str | None
) -> None:
    """What a reading costs counts, not what the clock is called."""
    found = finding(Check.CLOCK, **facts)

    assert (found.severity, found.command) == (severity, command)


@pytest.mark.parametrize(
    ("ratio", "severity"), [(0.1, Severity.OK), (0.11, Severity.WARNING), (None, Severity.UNKNOWN)]
)
def test_other_programs_are_noticed_where_a_run_would_doubt_its_figures(
    ratio: float | None, severity: Severity
) -> None:
    """By the same threshold."""
    assert finding(Check.OTHER_LOAD, others_cpu_ratio=ratio).severity is severity


def test_libraries_that_are_missing_or_too_old_come_with_the_command_that_installs_them() -> None:
    """All of them in one."""
    found = finding(
        Check.LIBRARIES,
        requirements=(
            *ROOMY.requirements,
            Requirement("picows", ">=2.3", "1.9", is_met=False),
            Requirement("uvicorn", "<0.55,>=0.54", None, is_met=False),
        ),
    )

    assert found.severity is Severity.WARNING
    assert found.found == "picows 1.9, uvicorn missing"
    assert found.command == 'python -m pip install "picows>=2.3" "uvicorn<0.55,>=0.54"'


def test_a_checkout_that_is_not_installed_asks_for_nothing_we_know() -> None:
    """That is not known, and not all well."""
    assert finding(Check.LIBRARIES, requirements=()).severity is Severity.UNKNOWN


def test_a_python_that_is_too_old_is_noticed() -> None:
    """No command: how to get another one is not ours to say."""
    found = finding(Check.PYTHON, python="3.10.0", python_is_met=False)

    assert (found.severity, found.command) == (Severity.WARNING, None)


def test_a_missing_uvloop_is_noticed() -> None:
    """A run would be slower without a word."""
    found = finding(Check.UVLOOP, uvloop=None)

    assert (found.severity, found.command) == (Severity.WARNING, "python -m pip install uvloop")
