"""``python -m benchmarks.pictures``: draw the pictures of README and docs anew, from runs that are made for them.

Takes three minutes; another one where this machine was never calibrated. The picture of docs/side_by_side.md comes with
its table, from benchmarks.side_by_side.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common import BenchmarkError
from benchmarks.pictures.pages import REPORT_SIZE_PX, a_browser, draw_chat, draw_page, run_for_report
from benchmarks.pictures.saving import save, shrink
from benchmarks.pictures.telling import check_books, loop_of, most_telling
from reports import numbers
from reports.budgets import Document
from reports.plots.calibration import ceiling
from reports.plots.measuring import Loop, OneMessage, books_of, coordinated_omission, ledger_of_a_message
from reports.truth import TruthError
from scenarios.calibration_runs import Place, TroubleError, faulty_target, run_chatbench, truth_in
from scenarios.calibration_store import default_path
from scenarios.pinning import separate_cores

PICTURES = Path("docs/pictures")
CALIBRATE = (sys.executable, "-P", "-c", "from scenarios.cli import main; main()", "calibrate", "--quick", "--out")

FREEZE = "[[freeze]]\nafter_s = 4.0\nfor_s = 1.0"
FREEZE_USERS = 10
# So few, and so much of each, that a loop which waits for its answers is silent at once when none comes.
FREEZE_FLAGS = (
    "--users",
    "10",
    "--rooms",
    "2",
    "--rate",
    "200",
    "--warmup",
    "1s",
    "--duration",
    "10s",
    "--drain",
    "2s",
)

# What is swapped waits for the next message of its sender, 50 ms on average: some are overtaken, and in time.
MISDEEDS = """
[deliveries]
delay = { kind = "lognormal", median_ms = 8, sigma = 0.9 }
drop = 0.06
duplicate = 0.06
swap = 0.06
"""
ROOM_USERS, DEADLINE_NS = 12, 150_000_000
ROOM_FLAGS = ("--users", "12", "--rate", "240", "--warmup", "0s", "--duration", "20s", "--deadline", "150ms")


# The example above the picture of a storm is the scenario of its run.
HANDBOOK, STORM_USERS = Path("docs/scenarios.md"), 200
STORM_PICTURE = "pictures/storm.png"


def main() -> int:
    """Draw them all; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURES, metavar="DIR", help="where to (default: %(default)s)")
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE",
        help="whose ceiling is drawn (default: this machine's; where there is none, a quick one is made)",
    )
    given = parser.parse_args()
    if given.calibration is not None and not given.calibration.is_file():
        parser.error(f"--calibration: there is no file {given.calibration}")
    given.out.mkdir(parents=True, exist_ok=True)
    pinning = separate_cores()
    try:
        with tempfile.TemporaryDirectory(prefix="chatbench-pictures-") as folder:
            place = Place(Path(folder), pinning.server if pinning else None, pinning.generator if pinning else None)
            _draw_pages(given.out, place.folder)
            _draw_storm(given.out / "storm.png", place.folder)
            _draw_omission(given.out / "omission.png", *asyncio.run(_frozen(place)))
            _draw_ledger(given.out / "ledger.png", asyncio.run(_faulty(place)))
            _draw_ceiling(
                given.out / "ceiling.png", _calibration(given.calibration or default_path(os.environ), place.folder)
            )
    except (BenchmarkError, TroubleError, TruthError, OSError, ValueError) as error:
        print(f"benchmarks.pictures: {error}", file=sys.stderr)
        return 1
    return 0


def _draw_pages(pictures: Path, folder: Path) -> None:
    """The report of ``make demo``'s run, and the reference server's own page."""
    run = run_for_report(folder, "fanout", "--users", "500")
    _warn("report", json.loads((run / "result.json").read_text(encoding="utf-8")))
    with a_browser() as browser:
        draw_page(browser, run / "report.html", pictures / "report.png", REPORT_SIZE_PX)
        draw_page(browser, run / "report.html", pictures / "report_dark.png", REPORT_SIZE_PX, dark=True)
        draw_chat(browser, pictures / "chat_page.png")


def _draw_storm(picture: Path, folder: Path) -> None:
    scenario = folder / "storms.toml"
    scenario.write_text(example_above(HANDBOOK.read_text(encoding="utf-8"), STORM_PICTURE), encoding="utf-8")
    run = run_for_report(folder, str(scenario), "--users", str(STORM_USERS))
    shutil.copy(run / "plots/connections.png", picture)
    shrink(picture)


def example_above(page: str, picture: str) -> str:
    """The TOML that a page shows before a picture; ValueError where there is none."""
    before, found, _ = page.partition(f"]({picture})")
    if not found or "```toml\n" not in before:
        raise ValueError(f"no example above {picture}")
    return before.rpartition("```toml\n")[2].partition("```")[0]


async def _frozen(place: Place) -> tuple[Loop, Loop]:
    """The same load on the same server, as an honest and as a naive way of measuring see it."""
    found = []
    for flags, name, from_due in (
        ((), "open loop, from when it was due", True),
        (("--loop", "closed"), "closed loop, from when it was sent", False),
    ):
        async with faulty_target(place, FREEZE, FREEZE_USERS) as server:
            document = await run_chatbench(("fanout", *FREEZE_FLAGS, *flags, "--target", server.url), place, 15)
        _warn(name, document)
        found.append(loop_of(truth_in(place), document, name, from_due=from_due))
    return found[0], found[1]


async def _faulty(place: Place) -> OneMessage:
    """A message of a run against a server that does everything wrong, now and then."""
    async with faulty_target(place, MISDEEDS, ROOM_USERS) as server:
        document = await run_chatbench(("fanout", *ROOM_FLAGS, "--target", server.url), place, 30)
    truth = truth_in(place)
    check_books(truth, document, DEADLINE_NS)
    return most_telling(truth, DEADLINE_NS)


def _warn(name: str, document: Document) -> None:
    """Say what the picture may show beside what it is meant to; on a crowded machine, stalls of our own."""
    for doubt in document["doubts"]:
        if doubt["severity"] != "note":
            print(f"  {name}: {doubt['code']}: {doubt['detail']}; better draw it again", file=sys.stderr)


def _calibration(path: Path, folder: Path) -> dict[str, Any]:
    if not path.exists():
        print(f"{path}: not there; calibrating quickly", flush=True)
        path = folder / "calibration.json"
        # Whatever its verdict, the ceiling is in it.
        subprocess.run((*CALIBRATE, str(path)), check=False, stdout=subprocess.DEVNULL)
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _draw_omission(path: Path, open_loop: Loop, closed_loop: Loop) -> None:
    title = "A server stands still for one second of ten, and is measured twice"
    draw = partial(coordinated_omission, open_loop=open_loop, closed_loop=closed_loop)
    save(path, (900, 560), title, draw)
    for loop in (open_loop, closed_loop):
        print(f"  {loop.name}: {loop.waiting_count()} messages waited")


def _draw_ledger(path: Path, message: OneMessage) -> None:
    title = f"One message of {message.sender} to a room of {len(message.deliveries)}, and what became of each delivery"
    save(path, (900, 440), title, partial(ledger_of_a_message, message=message))
    print(f"  {books_of(message.deliveries)}")


def _draw_ceiling(path: Path, calibration: dict[str, Any]) -> None:
    title = "What one process carries, by the deliveries a second that it is asked for"
    save(path, (900, 300), title, partial(ceiling, document=calibration))
    print(f"  {numbers.rate(calibration['ceiling']['deliveries_per_s_per_process'])} deliveries/s were carried")


if __name__ == "__main__":
    sys.exit(main())
