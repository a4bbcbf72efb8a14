"""What each limit of a machine means for a run, and the command that lifts it where it is low. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from loadgen.measure.doubts import OTHERS_CPU_RATIO
from loadgen.plan.needs import in_words, memory_bytes, processes_for
from scenarios.doctor.facts import Facts

# Who names no number of users is told of what would keep so many away: a large run, for one machine.
AMPLE_USERS = 10_000

# Linux lets nobody have more open files than fs.nr_open, a million by default.
MOST_OPEN_FILES = 1_048_576
ALL_PORTS = (1024, 65535)
# Linux's own default since 5.4.
USUAL_QUEUE = 4096

# A delivery takes some 7 us of CPU and reads the clock once: a read of 50 ns is nothing, one of 500 ns is felt.
SLOW_CLOCK_NS = 250.0


class Check(StrEnum):
    """What is looked at."""

    OPEN_FILES = "open files"
    PORTS = "ports"
    LISTEN_QUEUE = "listen queue"
    SYN_QUEUE = "SYN queue"
    CORES = "cores"
    MEMORY = "memory"
    CLOCK = "clock"
    OTHER_LOAD = "other load"
    PYTHON = "Python"
    LIBRARIES = "libraries"
    UVLOOP = "uvloop"


class Severity(StrEnum):
    """How a finding weighs."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    TOO_LITTLE = "too little"
    """So many users as were asked for do not fit."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One limit: what it is, what that means for a run, and what would lift it where it is low."""

    check: Check
    severity: Severity
    found: str
    means: str
    command: str | None = None


def findings_about(facts: Facts, user_count: int | None = None) -> Iterator[Finding]:
    """One for each check, in their order; too little is what so many users do not find room in."""
    wanted = AMPLE_USERS if user_count is None else user_count
    short = Severity.WARNING if user_count is None else Severity.TOO_LITTLE
    yield _open_files(facts, wanted, short)
    yield _ports(facts, wanted, short)
    under_way = min(wanted, facts.connects_at_once * facts.process_count)
    yield _listen_queue(facts, under_way)
    yield _syn_queue(facts, under_way)
    yield _cores(facts)
    yield _memory(facts, wanted, short)
    yield _clock(facts)
    yield _other_load(facts)
    yield _python(facts)
    yield _libraries(facts)
    yield _uvloop(facts)


def _open_files(facts: Facts, wanted: int, short: Severity) -> Finding:
    soft, hard = facts.open_files_soft, facts.open_files_hard
    means = f"{facts.sockets_per_process:,} sockets a process"
    if soft < hard:
        means += f"; a run raises the soft limit of {soft:,} by itself"
    severity, command = Severity.OK, None
    if wanted > facts.sockets_per_process * facts.process_count:
        severity = short
    elif wanted > facts.sockets_per_process:
        severity = Severity.WARNING
    most = MOST_OPEN_FILES if facts.most_open_files is None else min(facts.most_open_files, MOST_OPEN_FILES)
    if severity is not Severity.OK and hard < most:
        command = f"ulimit -n {most}" if facts.is_root else f"sudo prlimit --pid $$ --nofile={most}:{most}"
    return Finding(Check.OPEN_FILES, severity, f"{hard:,}", means, command)


def _ports(facts: Facts, wanted: int, short: Severity) -> Finding:
    if facts.ports is None or facts.connections_per_node is None:
        return Finding(Check.PORTS, Severity.UNKNOWN, "not known", "how many connections may leave is not known")
    low, high = facts.ports
    found = f"{high - low + 1:,}"
    means = f"{low} to {high}: {facts.connections_per_node:,} connections from one address to one node"
    if wanted <= facts.connections_per_node:
        return Finding(Check.PORTS, Severity.OK, found, means)
    means += "; to a server on this machine a run takes more addresses by itself"
    if facts.ports[0] <= ALL_PORTS[0] and facts.ports[1] >= ALL_PORTS[1]:
        return Finding(Check.PORTS, short, found, f"{means}; more need more nodes, or more machines")
    return Finding(
        Check.PORTS, short, found, means, _sysctl(facts, "net.ipv4.ip_local_port_range", '"{} {}"'.format(*ALL_PORTS))
    )


def _listen_queue(facts: Facts, under_way: int) -> Finding:
    means = f"of a server on this machine; a run opens up to {under_way:,} connections at a time"
    return _queue(facts, Check.LISTEN_QUEUE, "net.core.somaxconn", facts.listen_queue, means, under_way)


def _syn_queue(facts: Facts, under_way: int) -> Finding:
    if facts.syn_cookies and facts.syn_queue is not None:
        # Linux looks at the length of this queue only where it may send no cookies (net/ipv4/tcp_input.c).
        return Finding(Check.SYN_QUEUE, Severity.OK, f"{facts.syn_queue:,}", "no limit, since SYN cookies are on")
    means = "handshakes that a server on this machine keeps, without SYN cookies"
    return _queue(facts, Check.SYN_QUEUE, "net.ipv4.tcp_max_syn_backlog", facts.syn_queue, means, under_way)


def _queue(facts: Facts, check: Check, name: str, length: int | None, means: str, under_way: int) -> Finding:
    if length is None:
        return Finding(check, Severity.UNKNOWN, "not known", means)
    if length >= under_way:
        return Finding(check, Severity.OK, f"{length:,}", means)
    enough = max(USUAL_QUEUE, 1 << (under_way - 1).bit_length())
    return Finding(check, Severity.WARNING, f"{length:,}", means, _sysctl(facts, name, str(enough)))


def _cores(facts: Facts) -> Finding:
    alone, beside = facts.process_count, facts.process_count_beside_server
    means = f"--processes auto gives {alone}" + (f", beside the embedded server {beside}" if beside != alone else "")
    if facts.core_count is None:
        return Finding(Check.CORES, Severity.UNKNOWN, "not known", means)
    quota = facts.cpu_quota_cores
    if quota is not None and quota < facts.core_count:
        means += ", but a container grants less: the rest waits"
        command = f"chatbench run --processes {max(1, math.floor(quota))}"
        return Finding(Check.CORES, Severity.WARNING, f"{quota:g} of {facts.core_count}", means, command)
    if facts.core_count == 1:
        means += ": server and generator share it where both run here"
    return Finding(Check.CORES, Severity.OK, f"{facts.core_count}", means)


def _memory(facts: Facts, wanted: int, short: Severity) -> Finding:
    needed = memory_bytes(wanted, processes_for(wanted, facts.sockets_per_process))
    means = f"{wanted:,} users take about {in_words(needed)}, without the server"
    if facts.memory_left_bytes is None:
        return Finding(Check.MEMORY, Severity.UNKNOWN, "not known", means)
    found = in_words(facts.memory_left_bytes)
    means = f"left {facts.memory_whose}; {means}"
    return Finding(Check.MEMORY, Severity.OK if needed <= facts.memory_left_bytes else short, found, means)


def _clock(facts: Facts) -> Finding:
    found = facts.clock_source or "source not known"
    means = f"{facts.clock_read_ns:.0f} ns a reading; each delivery takes one"
    if facts.clock_read_ns <= SLOW_CLOCK_NS:
        return Finding(Check.CLOCK, Severity.OK, found, means)
    command = None
    if facts.clock_source != "tsc" and "tsc" in facts.clock_sources:
        path = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
        command = f"echo tsc > {path}" if facts.is_root else f"echo tsc | sudo tee {path}"
    return Finding(Check.CLOCK, Severity.WARNING, found, f"{means}: that costs deliveries a second", command)


def _other_load(facts: Facts) -> Finding:
    ratio = facts.others_cpu_ratio
    if ratio is None:
        return Finding(Check.OTHER_LOAD, Severity.UNKNOWN, "not known", "what others use could not be read")
    found = f"{ratio:.0%}"
    if OTHERS_CPU_RATIO.severity_of(ratio) is None:
        return Finding(Check.OTHER_LOAD, Severity.OK, found, "of all cores, in the last half second")
    means = "of all cores: a run doubts its figures then; stop the other programs"
    return Finding(Check.OTHER_LOAD, Severity.WARNING, found, means, "top -o %CPU")


def _python(facts: Facts) -> Finding:
    severity = Severity.OK if facts.python_is_met else Severity.WARNING
    return Finding(Check.PYTHON, severity, facts.python, f"{facts.python_wanted or 'any'} is asked for")


def _libraries(facts: Facts) -> Finding:
    unmet = [each for each in facts.requirements if not each.is_met]
    if not facts.requirements:
        return Finding(Check.LIBRARIES, Severity.UNKNOWN, "not known", "chatbench is not installed as a package")
    if not unmet:
        return Finding(Check.LIBRARIES, Severity.OK, f"{len(facts.requirements)}", "all in the versions asked for")
    found = ", ".join(f"{each.name} {each.version or 'missing'}" for each in unmet)
    wanted = [f"{each.name}{each.wanted}" for each in unmet]
    command = "python -m pip install " + " ".join(f'"{each}"' for each in wanted)
    return Finding(Check.LIBRARIES, Severity.WARNING, found, f"asked for: {', '.join(wanted)}", command)


def _uvloop(facts: Facts) -> Finding:
    if facts.uvloop is not None:
        return Finding(Check.UVLOOP, Severity.OK, facts.uvloop, "the event loop of every process of a run")
    means = "a run falls back to asyncio's own event loop, which is slower"
    return Finding(Check.UVLOOP, Severity.WARNING, "missing", means, "python -m pip install uvloop")


def _sysctl(facts: Facts, name: str, value: str) -> str:
    return f"{'' if facts.is_root else 'sudo '}sysctl -w {name}={value}"
