"""``python -m benchmarks.dialects``: what a message and a delivery cost with each dialect, beside ``plain``.

No server and no socket: what is timed ends, or begins, at the transport. All dialects take turns, since the speed of a
machine drifts. Takes half a minute.
"""

import argparse
import os
import platform
import sys
from datetime import UTC, datetime

from benchmarks.common import REPOSITORY, put_into
from benchmarks.dialects.publishing import publishing_plans, publishing_round
from benchmarks.dialects.receiving import direct_names, receiving_plans, receiving_round
from benchmarks.dialects.table import Costs, table_of, too_dear

PLACE = "<!-- table: benchmarks/dialects -->"
PAGE = REPOSITORY / "docs/dialects.md"


def main() -> int:
    """Measure, print, write where it is asked for; 1 where a JSON-shaped dialect costs more than is aimed at."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dialects", description=__doc__)
    parser.add_argument("--rounds", type=int, default=31, help="how often each dialect has its turn (31)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/dialects.md")
    asked = parser.parse_args()
    costs = measured(asked.rounds)
    machine = f"{platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} cores"
    text = table_of(costs, f"by `python -m benchmarks.dialects --write` ({machine}, {datetime.now(UTC):%Y-%m-%d})")
    print(text)
    if asked.write:
        put_into(PAGE, PLACE, text)
    for name in (dear := too_dear(costs)):
        print(f"{name} costs more than is aimed at", file=sys.stderr)
    return int(bool(dear))


def measured(rounds: int) -> Costs:
    """Every dialect once in each round; a round before them, in which caches are filled, counts for nothing."""
    sending, receiving = publishing_plans(), receiving_plans()
    publishing_round(sending)
    receiving_round(receiving)
    return Costs(
        [publishing_round(sending) for _ in range(rounds)],
        [receiving_round(receiving) for _ in range(rounds)],
        direct_names(),
    )


if __name__ == "__main__":
    sys.exit(main())
