"""Memory over a long run. It takes no core of one's own, so all sides run it at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from time import monotonic, sleep

from benchmarks.common import BenchmarkError, Cores
from benchmarks.peers.attempts import Soaked
from benchmarks.peers.campaign import COST
from benchmarks.peers.programs import START_S, Client, Target, client_on, target_on
from benchmarks.peers.side import Side
from benchmarks.peers.stage import LOOK_S
from benchmarks.peers.watch import usage_of
from benchmarks.receive.sides import Load

SOCKETS, RATE_PER_S = 100, 10
LOOK_AT_MEMORY_EVERY_S = 2
# What a client that keeps its own time needs to get ready; it is watched for as long as all others.
MARGIN_S = 180


@dataclass(slots=True)
class _Soaking:
    side: Side
    target: Target
    client: Client
    has_joined: bool = False
    failure: str | None = None


def soak(sides: Sequence[Side], cores: Cores, minutes: float, done: Callable[[Sequence[Soaked]], None]) -> None:
    """Watch all sides for so long; ``done`` gets what was seen, also when the wait is cut short."""
    load = replace(COST, sockets=SOCKETS, rate_per_s=RATE_PER_S, seconds=round(minutes * 60) + MARGIN_S)
    points: dict[str, list[tuple[float, int]]] = {side.name: [] for side in sides}
    failures = {side.name: f"not installed: {what}" for side in sides if (what := side.missing()) is not None}
    running: list[_Soaking] = []
    try:
        with ExitStack() as stack:
            for side in sides:
                if side.name not in failures:
                    _start(stack, side, cores, load, running, failures)
            for each in running:
                if each.failure is None and not each.side.sends:
                    each.target.publish(load)
            # All are told to end at once; else each would be waited for in turn.
            stack.callback(_tell_to_end, running)
            began_s = monotonic()
            while (at_s := monotonic() - began_s) < minutes * 60:
                for each in running:
                    if each.failure is None:
                        _look(each, at_s, points[each.side.name])
                sleep(LOOK_AT_MEMORY_EVERY_S)
    finally:
        failures |= {each.side.name: each.failure for each in running if each.failure is not None}
        done([Soaked(side.name, SOCKETS, points[side.name], failures.get(side.name)) for side in sides])


def _start(
    stack: ExitStack, side: Side, cores: Cores, load: Load, running: list[_Soaking], failures: dict[str, str]
) -> None:
    try:
        target, url = stack.enter_context(target_on(cores.server, load.sockets))
        client = stack.enter_context(client_on(cores.client, side, url, load))
    except (BenchmarkError, OSError) as error:
        failures[side.name] = str(error)
        return
    running.append(_Soaking(side, target, client))
    # One after the other: they start within the same minute, and not in one another's way.
    each, deadline_s = running[-1], monotonic() + START_S + load.sockets / load.connect_rate_per_s
    while not each.has_joined and each.failure is None:
        event = target.next_event(LOOK_S)
        if event is not None and event["event"] == "joined":
            each.has_joined = True
        elif client.process.poll() is not None:
            each.failure = f"ended with {client.process.returncode}: {client.last_words}"
        elif monotonic() > deadline_s:
            each.failure = f"did not connect: {client.last_words}"


def _tell_to_end(running: Sequence[_Soaking]) -> None:
    for each in running:
        each.client.process.terminate()


def _look(each: _Soaking, at_s: float, points: list[tuple[float, int]]) -> None:
    process = each.client.process
    usage = None if process.poll() is not None else usage_of(process.pid)
    if usage is None:
        each.failure = f"ended after {at_s:.0f} s with {process.returncode}: {each.client.last_words}"
    else:
        points.append((at_s, usage.rss_bytes))
