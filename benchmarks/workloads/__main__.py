"""``python -m benchmarks.workloads``: what the shape of a workload costs the generator.

Takes less than four minutes. Server and generator have a core each; ratios are of runs that were made one after the
other.
"""

import argparse
import sys
from collections.abc import Callable

from benchmarks.common import BenchmarkError, available_cores
from benchmarks.engine.cases import Figure, lines_of
from benchmarks.workloads.hot import hot
from benchmarks.workloads.plans import plans
from benchmarks.workloads.rooms import rooms


def main() -> int:
    """Measure and print; 1 when something could not be measured."""
    cases: dict[str, Callable[[], list[Figure]]] = {"rooms": rooms, "hot": hot, "plans": plans}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workloads", description=__doc__)
    parser.add_argument("case", nargs="*", help="|".join(cases) + "; all, if none is named")
    wanted = parser.parse_args().case or list(cases)
    if unknown := set(wanted) - set(cases):
        parser.error(f"unknown case {', '.join(sorted(unknown))}; there are {', '.join(cases)}")
    if set(wanted) != {"plans"} and available_cores().client is None:
        print("benchmarks.workloads: server and generator need a core each, and taskset to stay there", file=sys.stderr)
        return 1
    failed = False
    for name in wanted:
        print(f"{name}: {(cases[name].__doc__ or '').splitlines()[0]}", flush=True)
        try:
            print(*lines_of(cases[name]()), sep="\n", flush=True)
        except BenchmarkError as error:
            print(f"  FAILED: {error}", flush=True)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
