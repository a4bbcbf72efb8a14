"""One worker of a real run against the relay, written down."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import RELAY_DIALECT, BenchmarkError, Cores, relay_on
from benchmarks.merge.words import load
from loadgen.engine.coordinator import Coordinator
from loadgen.engine.wire import Tick
from loadgen.measure.tally import Count
from loadgen.plan.plan import Plan
from scenarios.settle import settle

# Two workers, so that each has news for the other; both write as many messages.
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Load:
    """Of the run that is recorded: all users in one room that two workers share."""

    users: int
    messages_per_s: int
    """Of both workers together."""
    seconds: int


@dataclass(frozen=True, slots=True)
class Recording:
    """What is replayed."""

    plan: Plan
    words: Path
    messages_per_s: float
    """That the worker wrote."""
    deliveries_per_s: float
    """That its users received."""


def record(load_: Load, folder: Path, cores: Cores) -> Recording:
    """Have the run, and keep what one of the two has said; raises BenchmarkError."""
    with relay_on(cores.server) as relay:
        plan = plan_of(load_, relay.url, folder)
        with (folder / "recording.log").open("wb") as log:
            run = Coordinator(
                plan,
                process_count=WORKERS,
                log=log,
                on_second=lambda _: None,
                worker_cores=None if cores.client is None else frozenset({cores.client}),
                worker_command=[sys.executable, "-m", "benchmarks.merge.recorder", str(folder)],
            )
            finished = asyncio.run(run.run())
    kept = sorted(folder.glob("*.words"))
    if finished.deaths or finished.ended_early or not kept:
        raise BenchmarkError(f"the run to record came to no good end: {finished.ended_early or finished.deaths}")
    (folder / "plan.pickle").write_bytes(pickle.dumps(plan))
    return Recording(plan, kept[0], *_rates(kept[0], load_.seconds))


def plan_of(load_: Load, url: str, folder: Path) -> Plan:
    """The plan of the run."""
    scenario = folder / "recorded.toml"
    scenario.write_text(
        f'extends = "fanout"\n[target]\nurl = "{url}"\ndialect = "{RELAY_DIALECT}"\n'
        f"[users]\ncount = {load_.users}\nconnect_rate_per_s = 1000\n"
        f"[traffic]\nrate_per_s = {load_.messages_per_s}\n[run]\nprocesses = {WORKERS}\nseed = 1\n"
        f'[phases]\nwarmup = "1s"\nmeasure = "{load_.seconds}s"\ndrain = "1s"\n',
        encoding="utf-8",
    )
    settled = settle(str(scenario), {}, {})
    return settled.plan_for(settled.base_urls, f"{os.getpid() % 0x1000000:06x}")


def _rates(words: Path, seconds: int) -> tuple[float, float]:
    """Messages and deliveries a second of the measured window, of what one worker told in its ticks."""
    ticks = [tick for word in load(words) if isinstance(tick := pickle.loads(word.data), Tick)]
    sent, received = (
        sum(tick.tally.counts[name] for tick in ticks) for name in (Count.MESSAGES_SENT, Count.DELIVERIES_RECEIVED)
    )
    return sent / seconds, received / seconds
