"""Gathers the facts about this machine."""

from __future__ import annotations

import os
import platform
import resource
import time

from loadgen.engine.clock import now_ns
from loadgen.engine.limits import UNLIMITED_FILES, sockets_per_process
from loadgen.engine.memory import room
from loadgen.engine.probe import MachineProbe, Probe
from loadgen.engine.swarm import CONNECTS_AT_ONCE
from loadgen.measure.record import others_cpu_ratio
from scenarios.doctor.facts import Facts
from scenarios.environment import (
    clock_sources,
    core_count,
    cpu_quota_cores,
    ephemeral_port_count,
    ephemeral_ports,
    installed_version,
    kernel_setting,
    python_wanted,
    requirements,
)
from scenarios.machine import connections_per_node, process_count_for

# Long enough for a share of a core to be seen, short enough to wait for.
LOOK_S = 0.5
CLOCK_READS = 20_000
CLOCK_ROUNDS = 5


def facts_about_this_machine() -> Facts:
    """What limits a run here; takes LOOK_S, in which the other programs are watched."""
    soft, hard = (
        UNLIMITED_FILES if limit == resource.RLIM_INFINITY else limit
        for limit in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    cores, port_count = core_count(), ephemeral_port_count()
    clock_source, other_sources = clock_sources()
    syn_cookies = kernel_setting("net.ipv4.tcp_syncookies")
    wanted, is_met = python_wanted()
    memory = room()
    return Facts(
        is_root=os.geteuid() == 0,
        open_files_soft=soft,
        open_files_hard=hard,
        most_open_files=kernel_setting("fs.nr_open"),
        sockets_per_process=sockets_per_process(),
        ports=ephemeral_ports(),
        connections_per_node=None if port_count is None else connections_per_node(port_count),
        listen_queue=kernel_setting("net.core.somaxconn"),
        syn_queue=kernel_setting("net.ipv4.tcp_max_syn_backlog"),
        syn_cookies=None if syn_cookies is None else syn_cookies > 0,
        connects_at_once=CONNECTS_AT_ONCE,
        core_count=cores,
        cpu_quota_cores=cpu_quota_cores(),
        process_count=process_count_for(cores, beside_server=False),
        process_count_beside_server=process_count_for(cores, beside_server=True),
        memory_left_bytes=None if memory is None else memory.left_bytes,
        memory_whose=None if memory is None else memory.whose,
        clock_source=clock_source,
        clock_sources=other_sources,
        clock_read_ns=_clock_read_ns(),
        others_cpu_ratio=_others_cpu_ratio(),
        python=platform.python_version(),
        python_wanted=wanted,
        python_is_met=is_met,
        requirements=requirements(),
        uvloop=installed_version("uvloop"),
    )


def _clock_read_ns() -> float:
    """What a reading costs, loop and all; the best of some rounds, since others may come between."""
    rounds = []
    for _ in range(CLOCK_ROUNDS):
        began_ns = now_ns()
        for _ in range(CLOCK_READS):
            now_ns()
        rounds.append((now_ns() - began_ns) / CLOCK_READS)
    return min(rounds)


def _others_cpu_ratio() -> float | None:
    machine, ours = MachineProbe(), Probe(os.getpid())
    before, ours_before = machine.read(), ours.read()
    time.sleep(LOOK_S)
    after, ours_after = machine.read(), ours.read()
    if ours_before is None or ours_after is None:
        return None
    return others_cpu_ratio(before, after, ours_after.cpu_ns - ours_before.cpu_ns)
