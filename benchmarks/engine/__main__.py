"""``python -m benchmarks.engine``: what one process of load can carry, on a core of its own.

The fast server of the tests has another core. ``soak`` takes ten minutes and runs only when asked for.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.common import (
    BenchmarkError,
    Cores,
    available_cores,
    chatbench_document,
    pinned_to,
    relay_on,
)
from benchmarks.engine.cases import Case, Document, Figure, cases, lines_of
from benchmarks.engine.dialect import without_ack
from benchmarks.engine.entrance import entrance
from benchmarks.engine.on_time import on_time
from benchmarks.engine.smaller_cores import smaller_cores, smaller_cores_one_room
from benchmarks.engine.splitting import processes

Compared = Callable[[Cores], tuple[list[Figure], Document]]
# Cases of more than one run.
COMPARED: dict[str, Compared] = {
    each.__name__: each for each in (processes, smaller_cores, smaller_cores_one_room, entrance, on_time)
}


def main() -> int:
    """Measure and print; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument(
        "case",
        nargs="*",
        metavar="|".join([*(case.name for case in cases(0)), *COMPARED]),
        help="all but soak, if none is named",
    )
    parser.add_argument("--soak-minutes", type=int, default=10, help="how long soak lasts (10)")
    parser.add_argument("--json", type=Path, metavar="DIR", help="keep each run's document there")
    arguments = parser.parse_args()
    known = cases(arguments.soak_minutes)
    names = [*(case.name for case in known), *COMPARED]
    if unknown := set(arguments.case) - set(names):
        parser.error(f"unknown case {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    wanted = arguments.case or [name for name in names if name != "soak"]
    cores = available_cores()
    if cores.client is None:
        print("benchmarks.engine: server and generator need a core each, and taskset to stay there", file=sys.stderr)
        return 1
    failed = False
    for case in known:
        if case.name in wanted:
            failed |= not carried_out(case, cores, arguments.json)
    for name, compared in COMPARED.items():
        if name in wanted:
            failed |= not carried_out_compared(name, compared, cores, arguments.json)
    return int(failed)


def carried_out_compared(name: str, compared: Compared, cores: Cores, keep: Path | None) -> bool:
    """Make the runs of a case that compares them, and print it; whether there are figures."""
    print(f"{name}: {compared.__doc__}", flush=True)
    try:
        figures, document = compared(cores)
    except BenchmarkError as error:
        print(f"  FAILED: {error}", flush=True)
        return False
    keep_document(name, document, keep)
    print_lines(lines_of(figures))
    return True


def carried_out(case: Case, cores: Cores, keep: Path | None) -> bool:
    """Run one case and print it; whether there are figures."""
    print(f"{case.name}: {case.about}", flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="chatbench-dialect-") as folder, relay_on(cores.server) as relay:
            flags = [*case.flags, "--dialect", str(without_ack(Path(folder)))]
            document = chatbench_document(relay.url, flags, pinned_to(cores.client), case.limit_s)
    except BenchmarkError as error:
        print(f"  FAILED: {error}", flush=True)
        return False
    keep_document(case.name, document, keep)
    print_lines(lines_of(case.read(document)))
    return True


def keep_document(name: str, document: Document, folder: Path | None) -> None:
    """Write it down, where somebody wants it."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


def print_lines(lines: Sequence[str]) -> None:
    """Print, and do not wait until the end."""
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
