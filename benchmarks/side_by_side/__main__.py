"""``python -m benchmarks.side_by_side``: the same scenario on Socket.IO, the reference server, mosquitto and nchan.

Server and generator have a core each. Takes five minutes; ``--duration 2s --rounds 1`` makes it one.
"""

import argparse
import os
import platform
import sys
from datetime import UTC, datetime

from benchmarks.common import REPOSITORY, BenchmarkError, available_cores, put_into, this_machine
from benchmarks.pictures.saving import save
from benchmarks.side_by_side.page import Rounds, Run, Server, page_of
from benchmarks.side_by_side.runs import carried_out
from benchmarks.side_by_side.sides import SIDES
from reports.plots.side_by_side import Served, delivery_times

PLACE = "<!-- table: benchmarks/side_by_side -->"
PAGE, PICTURE = REPOSITORY / "docs/side_by_side.md", REPOSITORY / "docs/pictures/side_by_side.png"

DEFAULTS = {"--rounds": "3", "--duration": "10s"}


def main() -> int:
    """Run, print, write where it is asked for; 1 where a server could not be run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.side_by_side", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=DEFAULTS["--rounds"], help="how often every server has its turn (3)"
    )
    parser.add_argument("--duration", default=DEFAULTS["--duration"], help="the measured part of each run (10s)")
    parser.add_argument("--write", action="store_true", help="put page and picture into docs/")
    asked = parser.parse_args()
    cores = available_cores()
    if cores.client is None:
        print("benchmarks.side_by_side: server and generator need a core each, and taskset", file=sys.stderr)
        return 1
    rounds: list[dict[str, Run]] = []
    for number in range(1, asked.rounds + 1):
        rounds.append({})
        for side in SIDES:
            try:
                run = carried_out(side, cores, "--duration", asked.duration)
            except BenchmarkError as error:
                print(f"FAILED: {error}", file=sys.stderr)
                return 1
            rounds[-1][side.name] = run
            print(f"round {number}  {told(run)}", flush=True)
    servers = [Server(side.name, side.version(), side.set_to) for side in SIDES]
    text = page_of(rounds, servers, made(asked.rounds, asked.duration))
    print(f"\n{text}")
    if asked.write:
        put_into(PAGE, PLACE, text)
        draw(rounds)
    return 0


def told(run: Run) -> str:
    """One run in a line."""
    figures = " / ".join("-" if ms is None else f"{ms:.2f}" for ms in (run.p50_ms, run.p95_ms, run.p99_ms))
    cpu = "-" if run.cpu_us_per_delivery is None else f"{run.cpu_us_per_delivery:.1f}"
    doubts = f"  INVALID: {', '.join(run.doubts)}" if run.doubts else ""
    return f"{run.server:<16}  p50 / p95 / p99 {figures} ms  lost {run.lost}  CPU {cpu} us a delivery{doubts}"


def made(rounds: int, duration: str) -> str:
    """With which command, where and when."""
    given = {"--rounds": str(rounds), "--duration": duration}
    flags = "".join(f" {flag} {value}" for flag, value in given.items() if value != DEFAULTS[flag])
    machine = f"{this_machine()['cpu']}, {os.cpu_count()} cores, Linux {platform.release()}"
    python = f"Python {platform.python_version()}"
    return f"by `python -m benchmarks.side_by_side{flags} --write` ({machine}, {python}, {datetime.now(UTC):%Y-%m-%d})"


def draw(rounds: Rounds) -> None:
    """The picture of all delivery times."""
    served = [Served(side.name, [runs[side.name].hdr for runs in rounds]) for side in SIDES]
    title = "How many of all deliveries took no longer, a line for each round"
    save(PICTURE, (900, 560), title, lambda figure: delivery_times(figure, served))


if __name__ == "__main__":
    sys.exit(main())
