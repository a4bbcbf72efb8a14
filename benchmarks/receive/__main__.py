"""``python -m benchmarks.receive``: CPU per received delivery, chatbench beside a bare C epoll loop.

Both receive the same load from the same relay, in turn, because the speed of a machine drifts: the
figure to quote is the median of the ratios within each round. ``--memory`` weighs idle sockets.
``--at-most`` is for CI: it fails where the ratio is higher, twice.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import psutil

from benchmarks.common import BenchmarkError, Cores, available_cores, positive, this_machine
from benchmarks.receive import table
from benchmarks.receive.judging import Circumstances, Judgement, judgement, passes
from benchmarks.receive.sides import Load, Side, compile_receiver, measure
from benchmarks.receive.table import Attempt

SPEED = Load(sockets=500, rate_per_s=80, seconds=10, payload_bytes=200, connect_rate_per_s=1000)
MEMORY = Load(sockets=10_000, rate_per_s=1, seconds=5, payload_bytes=200, connect_rate_per_s=2000)

# So few that they weigh nothing: the run with them weighs the program itself.
FEW_SOCKETS = 100
# How often a bound may be exceeded, or not measured, before it is believed.
TRIES = 2

PACKAGES = ("chatbench", "picows", "uvloop", "numpy")


def main() -> int:
    """Measure and print; 1 when something could not be measured."""
    arguments = parsed_arguments()
    load = settled_load(arguments)
    cores = available_cores()
    machine = this_machine(*PACKAGES)

    def say(*lines: str) -> None:
        if not arguments.json:
            print(*lines, sep="\n", flush=True)

    try:
        if not arguments.memory:
            compile_receiver()
    except BenchmarkError as error:
        print(f"benchmarks.receive: {error}", file=sys.stderr)
        return 1

    say(" | ".join(machine.values()))
    say(*table.setting_lines(load, cores))
    if arguments.at_most is not None:
        return int(not is_held(arguments, load, cores, say))
    say(table.HEADING)
    runs = memory_runs(load) if arguments.memory else speed_runs(load, arguments.rounds)
    attempts = carried_out(runs, cores, say)
    say(table.memory_line(attempts) if arguments.memory else table.ratio_line(attempts))
    if arguments.json:
        print(json.dumps(table.document(machine, cores, attempts), indent=2))
    return int(any(attempt.failure for attempt in attempts))


def carried_out(runs: Iterator[tuple[int, Side, Load]], cores: Cores, say: Callable[..., None]) -> list[Attempt]:
    """One run after the other, each told as it ends."""
    attempts: list[Attempt] = []
    for number, side, load in runs:
        attempts.append(attempted(number, side, load, cores))
        say(table.attempt_line(attempts[-1], attempts))
    return attempts


def is_held(arguments: argparse.Namespace, load: Load, cores: Cores, say: Callable[..., None]) -> bool:
    """Whether the ratio is as low as it must be, or cannot be judged here; what is not is tried once more."""
    judgements: list[Judgement] = []
    while len(judgements) < TRIES:
        began_s, began_ours_s, began_all_s = time.monotonic(), our_cpu_s(), all_cpu_s()
        say(table.HEADING)
        attempts = carried_out(speed_runs(load, arguments.rounds), cores, say)
        length_s = time.monotonic() - began_s
        others_s = all_cpu_s() - began_all_s - (our_cpu_s() - began_ours_s)
        others_ratio = max(0.0, others_s / length_s / (os.cpu_count() or 1))
        circumstances = Circumstances(cores.client is not None, others_ratio)
        said, line = judgement(table.median_ratio(attempts), arguments.at_most, circumstances)
        say(table.ratio_line(attempts), line)
        judgements.append(said)
        if passes(judgements):
            return True
    return False


def our_cpu_s() -> float:
    """What we and all that we have started, and waited for, have taken of the processors."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def all_cpu_s() -> float:
    """What anybody has, and what the host has kept from us."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice


def parsed_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.receive", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=3, help="how often both sides run (3)")
    parser.add_argument("--sockets", type=positive, help="500; with --memory 10,000")
    parser.add_argument("--rate", type=positive, help="messages a second: 80; with --memory 1")
    parser.add_argument("--seconds", type=positive, help="measured part: 10; with --memory 5")
    parser.add_argument("--memory", action="store_true", help="what an idle socket weighs in our worker")
    parser.add_argument("--at-most", type=float, metavar="RATIO", help="exit with 1 where the ratio is higher, twice")
    parser.add_argument("--json", action="store_true", help="one document on standard output, nothing else")
    arguments = parser.parse_args()
    if arguments.at_most is not None and (arguments.memory or arguments.json):
        parser.error("--at-most goes with neither --memory nor --json")
    return arguments


def settled_load(arguments: argparse.Namespace) -> Load:
    """Fill the defaults of the mode in."""
    given = {"sockets": arguments.sockets, "rate_per_s": arguments.rate, "seconds": arguments.seconds}
    default = MEMORY if arguments.memory else SPEED
    return replace(default, **{name: value for name, value in given.items() if value is not None})


def speed_runs(load: Load, rounds: int) -> Iterator[tuple[int, Side, Load]]:
    """C, ours, C, ours, ..."""
    for number in range(1, rounds + 1):
        for side in Side:
            yield number, side, load


def memory_runs(load: Load) -> Iterator[tuple[int, Side, Load]]:
    """Ours with few sockets, then with all of them."""
    yield 1, Side.OURS, replace(load, sockets=FEW_SOCKETS)
    yield 2, Side.OURS, load


def attempted(number: int, side: Side, load: Load, cores: Cores) -> Attempt:
    """Run one side; a failure is an answer."""
    try:
        return Attempt(number, side, load, measure(side, load, cores), failure=None)
    except BenchmarkError as error:
        return Attempt(number, side, load, figures=None, failure=str(error))


if __name__ == "__main__":
    sys.exit(main())
