"""What a process of load watches in itself while it talks: its event loop, its garbage collector, its traffic."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence

from loadgen.engine.clock import now_ns
from loadgen.engine.transport import Transport
from loadgen.measure.ledger import Ledger
from loadgen.measure.settling import BITE, Bite
from loadgen.measure.tally import Count, Metric, Tally
from loadgen.plan.pacing import NS_PER_S

LAG_PERIOD_NS = 50_000_000
LOOK_PERIOD_NS = 20_000_000
# What is settled in one bite is not read meanwhile. A small one takes 0.2 ms, 0.5 where what is settled is counted,
# and 0.6 ms in small rooms where each sender has several messages under way.
# Between two of them we rest, since another of our processes may wait for the same core.
SMALL_BITE_PAUSE_NS = 2_000_000
SMALL_BITE = Bite(messages=25, arrivals=1_500)
# With so much to settle, keeping up counts for more: a large bite takes half a millisecond (2.7 ms there), no rest
# after it, and for a message to one receiver 5.8 us where a small one takes 6.2.
LARGE_BITE = BITE
MANY_MESSAGES = 1_000
# With so many, waiting makes nothing cheaper: the bites are full.
SOME_MESSAGES = 150
# Otherwise it can wait, so that there are fewer bites.
SETTLE_PERIOD_NS = 500_000_000
# Looking through open messages must stay a small share of the time, however many there are.
LOOK_SHARE = 20
# Open messages are old objects and no garbage: with 15,000 of them (a server that falls behind) a full collection stops
# us for 60 ms, each second, and finds nothing. Garbage in cycles is young, and young objects are still looked at.
NEVER = 2**31 - 1


async def watch_loop(tally: Tally, measures: Callable[[int], bool]) -> None:
    """Note how late the event loop runs, above all when ``measures``; goes on until it is cancelled."""
    while True:
        due_ns = now_ns() + LAG_PERIOD_NS
        await asyncio.sleep(LAG_PERIOD_NS / NS_PER_S)
        # Timers may fire up to half a millisecond early, and early is not late.
        now = now_ns()
        due_ns = min(due_ns, now)
        tally.of_second(Metric.LOOP_LAG, tally.second_of(now)).record(now - due_ns)
        if measures(due_ns):
            tally.metrics[Metric.LOOP_LAG].record(now - due_ns)


def bite_for(under_way_count: int) -> tuple[Bite, int]:
    """How much is settled at once where so many messages are open, and for how many ns we rest after that."""
    return (LARGE_BITE, 0) if under_way_count >= MANY_MESSAGES else (SMALL_BITE, SMALL_BITE_PAUSE_NS)


async def keep_books(ledger: Ledger) -> None:
    """Settle what can be settled, again and again, so that the books stay short; goes on until it is cancelled."""
    settle_ns = now_ns() + SETTLE_PERIOD_NS
    while True:
        await asyncio.sleep(LOOK_PERIOD_NS / NS_PER_S)
        if now_ns() < settle_ns and ledger.under_way < SOME_MESSAGES:
            continue
        ledger.account()
        await asyncio.sleep(0)
        bite, pause_ns = bite_for(ledger.under_way)
        while ledger.settle(began_ns := now_ns(), bite):
            await asyncio.sleep(pause_ns / NS_PER_S)
            # Asked again each time: small bites may be fewer than the messages that come meanwhile.
            bite, pause_ns = bite_for(ledger.under_way)
        # What is left was looked at in vain, and may be much where a server has stopped.
        look_ns = now_ns() - began_ns
        settle_ns = now_ns() + max(SETTLE_PERIOD_NS, LOOK_SHARE * look_ns)
        await asyncio.sleep(LOOK_SHARE * look_ns / NS_PER_S)


@contextlib.contextmanager
def collector_watched(tally: Tally, measures: Callable[[int], bool]) -> Iterator[None]:
    """Keep the garbage collector away from what lives now, and note the pauses that begin when ``measures``."""
    began_ns = 0

    def on_collection(phase: str, _: dict[str, int]) -> None:
        nonlocal began_ns
        now = now_ns()
        if phase == "start":
            began_ns = now
        elif measures(began_ns):
            tally.metrics[Metric.GC_PAUSE].record(now - began_ns)

    # What lives now lives until the end: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    thresholds = gc.get_threshold()
    gc.set_threshold(*thresholds[:2], NEVER)
    gc.callbacks.append(on_collection)
    try:
        yield
    finally:
        gc.callbacks.remove(on_collection)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class Traffic:
    """Counts the frames and bytes of a time."""

    _NAMES = (Count.FRAMES_RECEIVED, Count.BYTES_RECEIVED, Count.FRAMES_SENT, Count.BYTES_SENT)

    def __init__(self, transports: Sequence[Transport]) -> None:
        self._transports = transports
        self._before = self._totals()

    def begin(self) -> None:
        """Count from now on; what was counted before is forgotten."""
        self._before = self._totals()

    def end(self, tally: Tally) -> None:
        """Put into the tally what has gone over the wire since the beginning."""
        for name, old, new in zip(self._NAMES, self._before, self._totals(), strict=True):
            tally.counts[name] += new - old

    def _totals(self) -> list[int]:
        traffic = [transport.traffic for transport in self._transports]
        return [sum(getattr(each, str(name)) for each in traffic) for name in self._NAMES]
