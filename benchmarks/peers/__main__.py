"""``python -m benchmarks.peers``: chatbench, its peers and a bare C loop against one server, each in turn.

Server and client have a core each. Some 35 minutes; ``--soak-minutes 0`` and ``--quick`` are for less time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import NoReturn

from benchmarks.common import REPOSITORY, BenchmarkError, Cores, available_cores, positive, put_into, this_machine
from benchmarks.peers import table
from benchmarks.peers.attempts import Attempt, Attempts, Figure, Soaked, cpu
from benchmarks.peers.campaign import FULL, QUICK, Campaign
from benchmarks.peers.page import made_by, page_of
from benchmarks.peers.picture import Bar, bars
from benchmarks.peers.roll import FLOOR, OURS, SIDES
from benchmarks.peers.side import Side
from benchmarks.peers.soak import soak
from benchmarks.pictures.saving import save
from benchmarks.receive.sides import compile_receiver
from loadgen.engine.limits import raise_open_files_limit

PLACE = "<!-- table: benchmarks/peers -->"
PAGE, PICTURE = REPOSITORY / "docs/benchmarks.md", REPOSITORY / "docs/pictures/peers.png"
TITLE = "CPU of one delivery, and how many times the bare C loop's"

SOAK, SOAK_MINUTES = "soak", 10
INTERRUPTED = 130


@dataclass(slots=True)
class Results:
    """What was measured so far."""

    sides: Sequence[Side]
    runs: list[Attempt] = field(default_factory=list)
    soaked: list[Soaked] = field(default_factory=list)
    is_whole: bool = False


def main() -> int:
    """Measure, print, write; 1 when a side that is installed failed where none should."""
    arguments = parsed_arguments()
    signal.signal(signal.SIGTERM, _interrupt)
    cores = available_cores()
    if cores.client is None or cores.server is None:
        print("benchmarks.peers: server and client need a core each, and taskset", file=sys.stderr)
        return 1
    raise_open_files_limit()  # which every client inherits
    os.sched_setaffinity(0, {cores.server})  # watching takes time, too, and not the client's
    results = Results(sides_named(arguments.side))
    # Whatever happens: what half an hour has measured is told.
    try:
        measure(arguments, cores, results)
    except KeyboardInterrupt:
        print("interrupted: what follows is what was measured until then", file=sys.stderr)
    finally:
        report(arguments, cores, results)
    if not results.is_whole:
        return INTERRUPTED
    return int(has_failed(Attempts(results.runs), results.soaked))


def measure(arguments: argparse.Namespace, cores: Cores, results: Results) -> None:
    """Every figure that is wanted, a line for each run."""
    out = sys.stderr if arguments.json else sys.stdout
    extent = QUICK if arguments.quick else FULL
    extent = replace(extent, rounds=arguments.rounds or extent.rounds)
    figures = arguments.figure or [*Figure, SOAK]
    minutes = arguments.soak_minutes
    if minutes is None:
        minutes = 0 if arguments.quick else SOAK_MINUTES
    try:
        compile_receiver()
    except BenchmarkError as error:
        print(error, file=out)
    for run in Campaign(results.sides, cores, extent, results.runs).carry_out(figures):
        print(table.line_of(run), file=out, flush=True)
    if SOAK in figures and minutes:
        print(f"{SOAK:<8}  all clients at the same time, {minutes} min", file=out, flush=True)
        soak(results.sides, cores, minutes, results.soaked.extend)
    results.is_whole = True


def report(arguments: argparse.Namespace, cores: Cores, results: Results) -> None:
    """The tables, and where it is asked for the document and the page."""
    attempts, machine = Attempts(results.runs), this_machine("chatbench")
    command = " ".join(["python -m benchmarks.peers", *sys.argv[1:]])
    made = made_by(command, machine, os.cpu_count(), attempts, is_whole=results.is_whole)
    text = page_of(attempts, results.soaked, results.sides, made)
    with redirect_stdout(sys.stderr if arguments.json else sys.stdout):
        print(f"\n{text}", flush=True)
        if arguments.write:
            put_into(PAGE, PLACE, text)
            draw(attempts, results.sides)
    if arguments.json:
        document = table.document(machine, cores, attempts, results.soaked, is_whole=results.is_whole)
        print(json.dumps(document, indent=2))


def parsed_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=positive, help="how often each side has its turn at the cost (3)")
    parser.add_argument("--quick", action="store_true", help="a look: one short round, few sockets, no soak")
    parser.add_argument("--soak-minutes", type=int, help="how long all are connected at once (10); 0: left out")
    parser.add_argument("--side", action="append", help="only clients with this in their name; repeatable")
    parser.add_argument("--figure", action="append", choices=[*Figure, SOAK], help="only this one; repeatable")
    parser.add_argument("--json", action="store_true", help="one document on standard output, nothing else")
    parser.add_argument("--write", action="store_true", help="put tables and picture into docs/")
    arguments = parser.parse_args()
    for part in arguments.side or ():
        if not any(part in side.name for side in SIDES):
            parser.error(f"unknown side {part}; there are {', '.join(side.name for side in SIDES)}")
    return arguments


def sides_named(parts: Sequence[str] | None) -> list[Side]:
    """Those with one of the texts in their name; the floor is always there."""
    return [side for side in SIDES if parts is None or side is FLOOR or any(part in side.name for part in parts)]


def has_failed(attempts: Attempts, soaked: Sequence[Soaked]) -> bool:
    """Whether a side failed, other than by not being there, or at a load that is there to be too much."""
    failures = [run.failure for run in attempts.runs if run.figure in (Figure.COST, Figure.ACCURACY)]
    failures += [each.failure for each in soaked]
    return any(failure is not None and not failure.startswith("not installed") for failure in failures)


def draw(attempts: Attempts, sides: Sequence[Side]) -> None:
    """The picture of the cost."""
    clients = [
        Bar(
            side.name,
            cpu_us,
            attempts.ratio(Figure.COST, side.name, FLOOR.name, cpu),
            is_ours=side.name.startswith(OURS.name),
        )
        for side in sides
        if (cpu_us := attempts.typical(Figure.COST, side.name, cpu)) is not None
    ]
    if clients:
        save(PICTURE, (900, 60 + 34 * len(clients)), TITLE, lambda figure: bars(figure, clients))


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
