"""``python -m benchmarks.locust``: CPU per received delivery in Locust, ChatUser beside a user on websocket-client.

And beside ``chatbench run``, which is the same engine without Locust (``--side "chatbench run" --side ChatUser``).

All sides receive the same load from the same relay, in turn, because the speed of a machine drifts: the figure to
quote is the median of the ratios within each round. The websocket-client user runs twice, as it is written everywhere
and without its check for UTF-8. Needs websocket-client beside Locust.
"""

import argparse
import json
import sys
from importlib.metadata import PackageNotFoundError

from benchmarks.common import BenchmarkError, Cores, available_cores, positive, this_machine
from benchmarks.locust import table
from benchmarks.locust.sides import Load, Side, measure
from benchmarks.locust.table import Attempt

PACKAGES = ("chatbench", "locust", "gevent", "websocket-client", "picows", "numpy")


def main() -> int:
    """Measure and print; 1 when something could not be measured."""
    arguments = parsed_arguments()
    load = Load(
        users=arguments.users,
        rate_per_s=arguments.rate,
        seconds=arguments.seconds,
        payload_bytes=200,
        spawn_rate_per_s=100,  # Locust warns of more
    )
    try:
        machine = this_machine(*PACKAGES)
    except PackageNotFoundError as error:
        print(f"benchmarks.locust: pip install {error.name}", file=sys.stderr)
        return 1
    cores = available_cores()

    def say(*lines: str) -> None:
        if not arguments.json:
            print(*lines, sep="\n", flush=True)

    say(" | ".join(machine.values()))
    say(*table.setting_lines(load, cores), table.HEADING)
    attempts: list[Attempt] = []
    for number in range(1, arguments.rounds + 1):
        # Ours first, so that the rows of the others can state their ratio to it.
        for side in sorted(Side, key=lambda side: side is not Side.OURS):
            if side in (arguments.side or list(Side)):
                attempts.append(attempted(number, side, load, cores))
                say(table.attempt_line(attempts[-1], attempts))
    say(*table.ratio_lines(attempts))
    if arguments.json:
        print(json.dumps(table.document(machine, cores, attempts), indent=2))
    return int(any(attempt.failure for attempt in attempts))


def parsed_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.locust", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=3, help="how often each side runs (3)")
    parser.add_argument("--users", type=positive, default=500, help="all in one room (500)")
    parser.add_argument("--rate", type=positive, default=20, help="messages a second (20)")
    parser.add_argument("--seconds", type=positive, default=10, help="measured part (10)")
    parser.add_argument("--side", type=Side, choices=list(Side), action="append", help="only this one; repeatable")
    parser.add_argument("--json", action="store_true", help="one document on standard output, nothing else")
    return parser.parse_args()


def attempted(number: int, side: Side, load: Load, cores: Cores) -> Attempt:
    """Run one side; a failure is an answer."""
    try:
        return Attempt(number, side, load, measure(side, load, cores), failure=None)
    except BenchmarkError as error:
        return Attempt(number, side, load, figures=None, failure=str(error))


if __name__ == "__main__":
    sys.exit(main())
