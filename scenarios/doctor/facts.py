"""What was found on a machine that carries a run, plain data. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requirement:
    """A library that is asked for; ``version`` is None where it is not there."""

    name: str
    wanted: str
    version: str | None
    is_met: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found on a machine; None is not known."""

    is_root: bool
    open_files_soft: int
    open_files_hard: int
    most_open_files: int | None
    """To which the hard limit may be raised."""
    sockets_per_process: int
    ports: tuple[int, int] | None
    """The first and the last that connections may leave from."""
    connections_per_node: int | None
    """How many of these ports a run will use to one place."""
    listen_queue: int | None
    syn_queue: int | None
    syn_cookies: bool | None
    connects_at_once: int
    """How many connections one process opens at a time."""
    core_count: int | None
    """Those we may use."""
    cpu_quota_cores: float | None
    """How many of them a container grants in time; None: all."""
    process_count: int
    """What ``--processes auto`` gives where the target is elsewhere."""
    process_count_beside_server: int
    """The same beside the embedded server."""
    memory_left_bytes: int | None
    """How much may still be taken."""
    memory_whose: str | None
    """Who says so, as in "of this machine"."""
    clock_source: str | None
    clock_sources: tuple[str, ...]
    """What the kernel could use instead."""
    clock_read_ns: float
    others_cpu_ratio: float | None
    """Share of all cores."""
    python: str
    python_wanted: str | None
    python_is_met: bool
    requirements: tuple[Requirement, ...]
    uvloop: str | None
    """The version that the event loops of a run use."""
