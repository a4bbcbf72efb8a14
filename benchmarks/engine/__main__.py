"""``python -m benchmarks.engine``: what one process of load can carry, on a core of its own.

The fast server of the tests has another core. ``soak`` takes ten minutes and runs only when asked for.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import (
    RELAY_DIALECT,
    BenchmarkError,
    Cores,
    available_cores,
    chatbench_document,
    pinned_to,
    relay_on,
)
from benchmarks.engine.cases import Case, cases, lines_of


def main() -> int:
    """Measure and print; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("case", nargs="*", metavar="receive|send|sockets|soak", help="all but soak, if none is named")
    parser.add_argument("--soak-minutes", type=int, default=10, help="how long soak lasts (10)")
    parser.add_argument("--json", type=Path, metavar="DIR", help="keep each run's document there")
    arguments = parser.parse_args()
    known = cases(arguments.soak_minutes)
    if unknown := set(arguments.case) - {case.name for case in known}:
        parser.error(f"unknown case {', '.join(sorted(unknown))}; there are {', '.join(case.name for case in known)}")
    wanted = arguments.case or [case.name for case in known if case.name != "soak"]
    cores = available_cores()
    if cores.client is None:
        print("benchmarks.engine: server and generator need a core each, and taskset to stay there", file=sys.stderr)
        return 1
    failed = False
    for case in known:
        if case.name in wanted:
            failed |= not carried_out(case, cores, arguments.json)
    return int(failed)


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
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{case.name}.json").write_text(json.dumps(document), encoding="utf-8")
    print_lines(lines_of(case.read(document)))
    return True


def without_ack(folder: Path) -> Path:
    """The relay's dialect without its acknowledgement: messages and their deliveries are what is measured here."""
    lines = RELAY_DIALECT.read_text(encoding="utf-8").splitlines(keepends=True)
    path = folder / "relay.toml"
    text = "".join(line for line in lines if not line.startswith("ack "))
    path.write_text(text.replace("SAY {id}", "SAY -"), encoding="utf-8")
    return path


def print_lines(lines: Sequence[str]) -> None:
    """Print, and do not wait until the end."""
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
