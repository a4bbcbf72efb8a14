"""``python -m benchmarks.merge``: what it costs to lead many workers.

One worker of a real run against the relay is written down, word for word; then as many as are wanted say the same to
the coordinator of ``chatbench run``, and to what leads a run in Locust's master. Each hands news on to all, and makes
the snapshot of a live page each second. Takes a minute and a half.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.common import BenchmarkError, Cores, available_cores, json_from, pinned_to, positive
from benchmarks.engine.cases import lines_of
from benchmarks.merge.recording import Load, record
from benchmarks.merge.table import HEADING, Attempt, Leader, cost_of, document, held_to, line_of

WORKERS = (1, 4, 16, 64)
# Two workers share a core with each other, and the room is small: what a worker tells in a second grows with its
# messages, and hardly with their deliveries, which are counts in the same buckets.
LOAD = Load(users=100, messages_per_s=600, seconds=8)
# Besides the window: warm-up, drain.
TALK_S = LOAD.seconds + 2
LIMIT_S = 120.0


def main() -> int:
    """Measure and print; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merge", description=__doc__)
    parser.add_argument("--workers", type=positive, action="append", help="1, 4, 16 and 64; repeatable")
    parser.add_argument("--json", action="store_true", help="one document on standard output, nothing else")
    arguments = parser.parse_args()

    def say(*lines: str) -> None:
        if not arguments.json:
            print(*lines, sep="\n", flush=True)

    cores = available_cores()
    with tempfile.TemporaryDirectory(prefix="chatbench-benchmark-") as name:
        folder = Path(name)
        try:
            recording = record(LOAD, folder, cores)
        except BenchmarkError as error:
            print(f"benchmarks.merge: {error}", file=sys.stderr)
            return 1
        say(
            f"each worker writes {recording.messages_per_s:,.0f} messages/s, hears of those of all, and receives "
            f"{recording.deliveries_per_s:,.0f} deliveries/s"
        )
        say("players on another core" if cores.client is not None else "not pinned: these figures are not comparable")
        say(HEADING)
        attempts = []
        for leader in Leader:
            for count in arguments.workers or WORKERS:
                attempts.append(attempted(leader, count, folder, cores))
                say(line_of(attempts[-1]))
    hearing_us = heard_us(cores)
    say(*lines_of(held_to(attempts)))
    say(f"  to hear of a message that nobody here gets: {hearing_us:.1f} us of a worker" if hearing_us else "no data")
    if arguments.json:
        print(
            json.dumps(document(recording.messages_per_s, recording.deliveries_per_s, attempts, hearing_us), indent=2)
        )
    return int(any(attempt.failure for attempt in attempts) or hearing_us is None)


def attempted(leader: Leader, count: int, folder: Path, cores: Cores) -> Attempt:
    """Lead so many; a failure is an answer."""
    module = {Leader.COORDINATOR: "coordinating", Leader.MASTER: "leading"}[leader]
    command = [*pinned_to(cores.client), sys.executable, "-m", f"benchmarks.merge.{module}", str(folder), str(count)]
    if leader is Leader.COORDINATOR:
        command.append(str(-1 if cores.server is None else cores.server))
    try:
        told = json_from(command, LIMIT_S, measured_exits=(0,))
        return Attempt(leader, count, cost_of(told, TALK_S))
    except (BenchmarkError, ValueError) as error:
        return Attempt(leader, count, None, str(error))


def heard_us(cores: Cores) -> float | None:
    """CPU of a worker for each message of another; None where it could not be measured."""
    command = [*pinned_to(cores.client), sys.executable, "-m", "benchmarks.merge.hearing"]
    try:
        return float(json_from(command, LIMIT_S, measured_exits=(0,))["us_per_message"])
    except BenchmarkError as error:
        print(f"benchmarks.merge: {error}", file=sys.stderr)
        return None


if __name__ == "__main__":
    sys.exit(main())
