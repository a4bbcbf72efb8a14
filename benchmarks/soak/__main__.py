"""``python -m benchmarks.soak``: most of what the server carries, for long: what grows, gets slower, or is lost.

First the capacity of the reference server in the scenario soak is looked for, then a share of it is sent. ``make soak``
takes twenty minutes and some; the page in docs/gallery is of an hour (``--minutes 60 --write``).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.common import CHATBENCH, MEASURED_EXITS, OVERHEAD_S, BenchmarkError, json_from, positive
from benchmarks.engine.cases import lines_of
from benchmarks.gallery.catalogue import Shown
from benchmarks.gallery.exhibits import EXHIBITS
from benchmarks.gallery.hanging import GALLERY, hang
from benchmarks.gallery.neutral import named_in, neutral
from benchmarks.soak.judging import figures_of, sentence_of
from reports import page
from reports.budgets import Document

NAME, TITLE = "soak", "An hour at most of what the server carries"
SEARCH_LIMIT_S = 420
# What is carried for some seconds is carried for an hour only where nothing of all this takes longer then. It starts
# with the rate of the scenario: of less there are too few samples for its p99 in six seconds.
SEARCH = ("--of", "rate", "--start", "60", "--duration", "6s", "--warmup", "2s", "--drain", "2s", "--max-time", "6m")


def main() -> int:
    """Carry it out; 1 where something is not as it should be, or could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument(
        "--minutes", type=positive, default=20, help="how long (%(default)s); ten at least tell of drift"
    )
    parser.add_argument("--percent", type=positive, default=60, help="of the capacity that is found (%(default)s)")
    parser.add_argument("--rate", type=positive, help="messages a second, instead of looking for the capacity")
    parser.add_argument("--write", action="store_true", help="put the page into docs/gallery")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the document there")
    given = parser.parse_args()
    if given.json and not given.json.parent.is_dir():
        parser.error(f"--json: there is no folder {given.json.parent}")
    try:
        rate, share = (
            (given.rate, None) if given.rate else (capacity_per_s() * given.percent / 100, given.percent / 100)
        )
        document = soaked(rate, given.minutes)
        if given.json:
            given.json.write_text(json.dumps(document), encoding="utf-8")
        figures = figures_of(document)
        print(sentence_of(document, share), *lines_of(figures), sep="\n", flush=True)
        if given.write:
            hang([_shown(document, share)], GALLERY, [*(each.name for each in EXHIBITS), NAME])
    except (BenchmarkError, OSError) as error:
        print(f"benchmarks.soak: {error}", file=sys.stderr)
        return 1
    return int(not all(figure.held for figure in figures))


def capacity_per_s() -> float:
    """The most messages a second that held; BenchmarkError where none did."""
    with tempfile.TemporaryDirectory(prefix="chatbench-soak-") as folder:
        command = [str(CHATBENCH), "capacity", "soak", *SEARCH, "--json", "--out", f"{folder}/capacity"]
        found = json_from(command, SEARCH_LIMIT_S, measured_exits=(0,))
    held: float = found["answer"]["held"]
    print(f"capacity: {held:,.0f} messages/s, in {len(found['probes'])} runs", flush=True)
    return held


def soaked(rate_per_s: float, minutes: int) -> Document:
    """The document of the long run; BenchmarkError where there is none."""
    print(f"{minutes} minutes at {rate_per_s:,.0f} messages/s", flush=True)
    with tempfile.TemporaryDirectory(prefix="chatbench-soak-") as folder:
        quietly = ("--json", "--no-html", "--no-plots", "-q", "--out", f"{folder}/run")
        return json_from(
            [str(CHATBENCH), *flags_of(rate_per_s, minutes), *quietly],
            minutes * 60 + OVERHEAD_S,
            measured_exits=MEASURED_EXITS,
        )


def flags_of(rate_per_s: float, minutes: int) -> Sequence[str]:
    """What is typed after ``chatbench``."""
    return ("run", "soak", "--rate", f"{rate_per_s:.0f}", "--warmup", "30s", "--duration", f"{minutes}m")


def _shown(document: Document, share: float | None) -> Shown:
    document = neutral(document, [str(Path(sys.prefix)), str(Path.cwd()), tempfile.gettempdir()])
    html = page.render(document)
    if left := named_in(html, [str(Path.home()), tempfile.gettempdir()]):
        raise BenchmarkError(f"its page still names {', '.join(left)}")
    minutes = round(document["rates"]["window_s"] / 60)
    command = f"python -m benchmarks.soak --minutes {minutes} --write"
    day = f"{datetime.now(UTC):%d %B %Y}"
    return Shown(NAME, TITLE, sentence_of(document, share), command, document["environment"], day, html)


if __name__ == "__main__":
    sys.exit(main())
