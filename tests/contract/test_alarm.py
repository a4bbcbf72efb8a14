"""The alarm of an open loop, on the real clock and a real event loop."""

from __future__ import annotations

import sys

import pytest

from loadgen.engine.clock import new_alarm, now_ns
from tests.support.event_loop import on_an_event_loop

A_MOMENT_NS = 1_000_000

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the sleeper looks itself, always")


@on_an_event_loop
async def test_what_is_done_when_it_rings_says_when_it_rings_next_and_who_sleeps_sleeps_on() -> None:
    rung_ns: list[int] = []
    wanted_ns = [now_ns() + n * A_MOMENT_NS for n in range(1, 4)]

    def ring() -> int | None:
        rung_ns.append(now_ns())
        return wanted_ns[len(rung_ns)] if len(rung_ns) < len(wanted_ns) else None

    alarm = new_alarm()
    alarm.on_ring = ring
    await alarm.until(wanted_ns[0])
    woken_ns = now_ns()
    alarm.close()

    assert len(rung_ns) == len(wanted_ns)
    assert all(rung >= wanted for rung, wanted in zip(rung_ns, wanted_ns, strict=True)), "never before"
    assert woken_ns >= rung_ns[-1]


@on_an_event_loop
async def test_who_is_woken_does_not_wait_for_what_is_to_be_done_next() -> None:
    alarm = new_alarm()

    def ring() -> int:
        alarm.wake()
        return now_ns() + 3_600_000_000_000

    alarm.on_ring = ring
    await alarm.until(now_ns() + A_MOMENT_NS)
    alarm.close()
