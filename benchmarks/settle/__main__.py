"""``python -m benchmarks.settle``: what it takes to account for a message, with so many of one sender open at once.

A sender that writes thousands of messages a second to a server that falls behind has thousands open. Each must be
compared with those after it, since they may have overtaken it: that must not cost more the more there are.
"""

from __future__ import annotations

import argparse
import json
from statistics import median

from benchmarks.common import positive
from benchmarks.settle.cases import CASES, settle_us

OPEN = (500, 2_000, 8_000)
ROUNDS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.settle", description=__doc__)
    parser.add_argument("--open", type=positive, action="append", help="500, 2,000 and 8,000; repeatable")
    parser.add_argument("--rounds", type=positive, default=ROUNDS)
    parser.add_argument("--json", action="store_true", help="one document on standard output, nothing else")
    given = parser.parse_args()
    counts = given.open or OPEN
    figures = {
        name: [median(settle_us(case, count) for _ in range(given.rounds)) for count in counts]
        for name, case in CASES.items()
    }
    if given.json:
        print(json.dumps({"open": counts, "us_per_message": figures}, indent=2))
        return
    print(f"| us a message, with so many open | {' | '.join(f'{count:,}' for count in counts)} |")
    print("|---" * (len(counts) + 1) + "|")
    for name, row in figures.items():
        print(f"| {name} | {' | '.join(f'{us:.1f}' for us in row)} |")


if __name__ == "__main__":
    main()
