"""Messages of one sender to one room, all open at once, and the ways in which they may come."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import process_time

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Count, Tally
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.rooms import Rooms

RECEIVERS = 20
DEADLINE_NS = 5 * NS_PER_S
GAP_NS = 100_000
"""From one message to the next: 10,000 a second."""
SPREAD_NS = 1_000
"""From one receiver to the next."""
PREFIX = marker.prefix_of("abc123")


@dataclass(frozen=True, slots=True)
class Case:
    """How messages come to their receivers."""

    delay_ns: Callable[[int], int | None]
    """Receiver -> after what time it gets each message; None: never."""
    after_deadline: bool = False
    """Whether the server stands still first, until all are late."""


def _one_behind(receiver: int) -> int:
    return receiver * SPREAD_NS + (10 * GAP_NS if receiver == RECEIVERS - 1 else 0)


def _one_without(receiver: int) -> int | None:
    return None if receiver == RECEIVERS - 1 else receiver * SPREAD_NS


CASES: Mapping[str, Case] = {
    "one after the other": Case(lambda receiver: receiver * SPREAD_NS),
    "one receiver ten messages behind": Case(_one_behind),
    "one receiver gets nothing": Case(_one_without),
    "all after the deadline": Case(lambda receiver: receiver * SPREAD_NS, after_deadline=True),
}


def settle_us(case: Case, count: int) -> float:
    """CPU to account for a message, us, with ``count`` of them open."""
    ledger = Ledger(Rules(RECEIVERS, Rooms.alike(1), Reach.ROOM, echo=True, deadline_ns=DEADLINE_NS), PREFIX, Tally(0))
    ledger.measure(0, 10**15)
    for user in range(RECEIVERS):
        ledger.members.joining(user, 0)
        ledger.members.joined(user, 0)
    frames = []
    for number in range(count):
        stamp = marker.Stamp(0, number, number * GAP_NS, number * GAP_NS)
        frames.append(marker.write(PREFIX, stamp))
        ledger.sent(frames[-1], stamp)
    late_ns = count * GAP_NS + DEADLINE_NS + 1
    gc.collect()
    took_s = settled_s(ledger, late_ns) if case.after_deadline else 0.0
    begin_ns = late_ns if case.after_deadline else 0
    arrivals = [
        (begin_ns + number * GAP_NS + delay_ns, receiver, number)
        for receiver in range(RECEIVERS)
        if (delay_ns := case.delay_ns(receiver)) is not None
        for number in range(count)
    ]
    for at_ns, receiver, number in sorted(arrivals):
        ledger.receive(receiver, frames[number], at_ns)
    took_s += settled_s(ledger, begin_ns + late_ns)
    assert ledger.tally.counts[Count.DELIVERIES_RECEIVED] == len(arrivals), "all that came is accounted for"
    assert ledger.tally.counts[Count.DELIVERIES_REORDERED] == 0, "nothing came out of order"
    return took_s * 1e6 / count


def settled_s(ledger: Ledger, now_ns: int) -> float:
    """CPU to account for all that can be."""
    began_s = process_time()
    while ledger.settle(now_ns):
        pass
    return process_time() - began_s
