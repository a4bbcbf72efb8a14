"""What a session needs to know about scenarios, targets and documents; scenarios/locust_story.py tells it."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import Any, Protocol, Self

from loadgen.locust_bridge.messages import Identity, Prepare
from loadgen.locust_bridge.options import flags_of, scenario_of
from loadgen.measure.record import Record
from loadgen.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class Wish:
    """What Locust is asked for when a run begins."""

    scenario: str
    flags: dict[str, Any]
    """By key path."""
    host: str | None
    user_count: int
    spawn_rate_per_s: float | None
    worker_count: int | None
    """None: a master does not know them yet."""
    host_count: int = 1
    """On how many machines they are."""

    @classmethod
    def of(
        cls, options: Namespace, host: str | None, user_count: int, worker_count: int | None, host_count: int = 1
    ) -> Self:
        """That of Locust's options."""
        rate = options.spawn_rate
        spawn_rate_per_s = rate and float(rate)
        return cls(
            scenario_of(options), flags_of(options), host, user_count, spawn_rate_per_s, worker_count, host_count
        )


@dataclass(frozen=True, slots=True)
class Brief:
    """A run that may begin."""

    plan: Plan
    """As it is settled, with its tag and nodes."""
    flags: dict[str, Any]
    """What workers settle it with."""
    capacity: int
    """The most users there can be."""
    target_pid: int | None
    """Where the server is ours to watch."""
    cores: frozenset[int] | None
    """What swarms on this host keep to."""


class Story(Protocol):
    """The runs of one Locust process, one after the other."""

    def identity(self) -> Identity:
        """Who this process is."""
        ...

    def begin(self, wish: Wish) -> Brief:
        """Everything a run needs; BenchError where it cannot be."""
        ...

    def plan_of(self, prepare: Prepare) -> Plan:
        """A worker's plan; BenchError where it cannot be made here."""
        ...

    def end(self, record: Record) -> int:
        """Write down a run that is over; its exit code."""
        ...

    def close(self) -> None:
        """Locust ends: leave nothing behind."""
        ...
