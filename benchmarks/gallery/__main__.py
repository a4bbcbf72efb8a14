"""``python -m benchmarks.gallery``: make docs/gallery anew, from runs that are made for it; ten minutes at most."""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.common import BenchmarkError
from benchmarks.gallery.catalogue import Shown, command_of
from benchmarks.gallery.exhibits import EXHIBITS
from benchmarks.gallery.hanging import GALLERY, hang
from benchmarks.gallery.making import Clock, Made, make

LIMIT_S = 600.0


def main() -> int:
    """Make all of it, or, where something does not show what it is to show, nothing; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("--out", type=Path, default=GALLERY, metavar="DIR", help="where to (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a rehearsal: small runs, whose figures say little")
    parser.add_argument("--only", action="append", choices=[each.name for each in EXHIBITS], help="repeatable")
    given = parser.parse_args()
    wanted = [each for each in EXHIBITS if not given.only or each.name in given.only]
    clock = Clock(LIMIT_S)
    try:
        with tempfile.TemporaryDirectory(prefix="chatbench-gallery-") as folder:
            made = []
            for exhibit in wanted:
                print(f"{exhibit.name}  {clock.left_s:.0f} s left", flush=True)
                made.append(make(exhibit, Path(folder), clock, quick=given.quick))
            day = f"{datetime.now(UTC):%d %B %Y}"
            hang([_shown(each, day) for each in made], given.out, [each.name for each in EXHIBITS])
    except (BenchmarkError, OSError, RuntimeError, TimeoutError) as error:
        print(f"benchmarks.gallery: {error}", file=sys.stderr)
        return 1
    return 0


def _shown(made: Made, day: str) -> Shown:
    return Shown(
        made.exhibit.name,
        made.exhibit.title,
        made.exhibit.tell(made.document),
        command_of(made.arguments),
        made.document.get("environment") or {},
        day,
        made.html,
    )


if __name__ == "__main__":
    sys.exit(main())
