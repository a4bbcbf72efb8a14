"""What the load asks of this machine - processes, sockets, ports - against what it has."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from loadgen.engine.limits import sockets_per_process
from loadgen.engine.memory import room
from loadgen.errors import InputError
from loadgen.plan.needs import in_words, memory_bytes
from scenarios.environment import core_count, ephemeral_port_count
from scenarios.layers import Layers
from scenarios.schema import MOST_PROCESSES, Scenario

# Other programs need ports, too, and a closed connection keeps its own for a minute (TIME_WAIT).
MOST_OF_THE_PORTS = 0.9
SHARE_OF_THE_PORTS = 0.8

# More than all machines of anybody.
UNLIMITED_SOCKETS = 2**40

FIRST_LOOPBACK_ADDRESS = IPv4Address("127.0.0.1")


@dataclass(frozen=True, slots=True)
class Machine:
    """What limits a generator; None is not known."""

    core_count: int | None
    sockets_per_process: int
    ephemeral_port_count: int | None
    """How many connections may leave from one address for one place."""

    def times(self, host_count: int, processes_for_each: int = 1) -> Machine:
        """Several like it, seen as one; ``processes_for_each``: of those that are settled, each stands for so many."""
        ports = self.ephemeral_port_count
        return Machine(
            self.core_count,
            self.sockets_per_process * processes_for_each,
            None if ports is None else ports * host_count,
        )


def this_machine() -> Machine:
    """The one we run on, as far as this process may use it."""
    return Machine(core_count(), sockets_per_process(), ephemeral_port_count())


def machine_of_workers(worker_count: int | None, host_count: int) -> Machine:
    """What limits the workers of a Locust, all together; they are taken to be on machines like this one.

    None: as long as nobody knows how many there will be, nothing limits them.
    """
    this = this_machine()
    if worker_count is None:
        return Machine(this.core_count, UNLIMITED_SOCKETS, None)
    return this.times(host_count, math.ceil(worker_count / MOST_PROCESSES))


def settle_processes(scenario: Scenario, machine: Machine, layers: Layers) -> int:
    """How many processes offer the load; InputError where they cannot have so many users."""
    asked, user_count = scenario.run.processes, scenario.users.count
    if asked == "auto":
        beside_server = scenario.target.url is None
        process_count = min(process_count_for(machine.core_count, beside_server=beside_server), user_count)
    else:
        process_count = asked
    if process_count > user_count:
        label = layers.label("run.processes")
        raise InputError(f"{label}: expected at most a process a user ({user_count}), got {process_count}")
    limit = machine.sockets_per_process
    if -(-user_count // process_count) > limit:
        have = "one process" if process_count == 1 else f"{process_count} processes"
        raise InputError(
            f"{layers.label('users.count')}: expected at most {limit * process_count}, the sockets that {have} may "
            f"open here (ulimit -Hn; --processes N has N times as many), got {user_count}"
        )
    return process_count


def want_of_memory(user_count: int, process_count: int) -> str | None:
    """What is to be said before a run for which there is too little memory here; None where there is enough."""
    there, needed = room(), memory_bytes(user_count, process_count)
    if there is None or needed <= there.left_bytes:
        return None
    left = f"{in_words(there.left_bytes)} are left {there.whose}"
    return f"memory  {user_count:,} users take about {in_words(needed)}, and {left}"


def process_count_for(core_count: int | None, *, beside_server: bool) -> int:
    """What ``--processes auto`` gives, given enough users: one for each core, but the embedded server's."""
    return max(1, min((core_count or 1) - beside_server, MOST_PROCESSES))


def connections_per_node(port_count: int) -> int:
    """How many connections a run lets leave from one address for one node."""
    return int(MOST_OF_THE_PORTS * port_count)


def settle_source_addresses(
    base_urls: Sequence[str], user_count: int, port_count: int | None, layers: Layers
) -> tuple[str, ...]:
    """The local addresses to connect from, none where the system may choose.

    Without ``base_urls`` the target is ours. InputError where the ports do not suffice and there are no more addresses.
    """
    most_alike = max(Counter(base_urls).values(), default=1)
    users_per_node = math.ceil(user_count * most_alike / max(1, len(base_urls)))
    if port_count is None or users_per_node <= connections_per_node(port_count):
        return ()
    if not all(_is_loopback(url) for url in base_urls):
        raise InputError(
            f"{layers.label('users.count')}: expected at most {connections_per_node(port_count)} users a node of "
            f"the target, since this machine has {port_count} ports to connect from (sysctl "
            f"net.ipv4.ip_local_port_range widens that), got {users_per_node}"
        )
    # Of all nodes together: a port of a chosen address is taken before the system knows which node it is for.
    count = math.ceil(user_count / (SHARE_OF_THE_PORTS * port_count))
    return tuple(str(FIRST_LOOPBACK_ADDRESS + i) for i in range(count))


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return IPv4Address(host).is_loopback
    except ValueError:
        return host == "localhost"
