"""``python -m benchmarks.merge.coordinating FOLDER WORKERS CORE``: the real coordinator, led by players.

Prints one line of JSON. CORE is for the players; -1: anywhere.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
import time
from pathlib import Path

from benchmarks.workloads.settling import peak_rss_bytes
from loadgen.engine.clock import now_ns
from loadgen.engine.coordinator import Coordinator
from loadgen.measure.record import Record
from reports.document import RunFacts, snapshot

FACTS = RunFacts("id", "merge", "", "2026-01-01T00:00:00Z", "benchmarks.merge", ("http://127.0.0.1:1",), False, {})


def main() -> None:
    """Lead a run of replayed workers, with a snapshot each second as for a live page."""
    folder, count, core = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    plan = pickle.loads((folder / "plan.pickle").read_bytes())
    words = sorted(folder.glob("*.words"))[0]
    snapshots_s: list[float] = []

    def on_second(record: Record) -> None:
        began_s = time.process_time()
        snapshot(FACTS, record)
        snapshots_s.append(time.process_time() - began_s)

    said = folder / f"players-{count}.log"
    with said.open("wb") as log:
        coordinator = Coordinator(
            plan,
            process_count=count,
            log=log,
            on_second=on_second,
            worker_cores=None if core < 0 else frozenset({core}),
            worker_command=[sys.executable, "-m", "benchmarks.merge.player", str(words)],
        )
        record = asyncio.run(coordinator.run())
    ended_ns = now_ns()
    window = record.coordinator.window
    players = [json.loads(line) for line in said.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    print(
        json.dumps(
            {
                "cpu_ratio": record.coordinator.window_cpu_ratio if len(window) == 2 else None,
                "snapshot_s": sorted(snapshots_s)[len(snapshots_s) // 2],
                "final_s": (ended_ns - (record.phases[-1].end_ns or ended_ns)) / 1e9,
                "peak_rss_bytes": peak_rss_bytes(),
                "told_bytes": sum(player["said_bytes"] for player in players),
                "forwarded_bytes": sum(player["heard_bytes"] for player in players),
                "players": len(players),
                "messages_sent": record.tally.counts["messages_sent"],
                "deaths": [death.how for death in record.deaths],
            }
        )
    )


if __name__ == "__main__":
    main()
