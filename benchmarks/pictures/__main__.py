"""``python -m benchmarks.pictures``: draw the pictures of docs/measuring.md anew, from runs that are made for them.

The third one is drawn from this machine's calibration, so ``chatbench calibrate`` comes first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from reports.plots import calibration as calibration_plots
from reports.plots.frame import write_png
from reports.plots.measuring import Delivered, Fate, OneMessage, coordinated_omission, ledger_of_a_message
from reports.truth import TrueMessage, Truth
from scenarios.calibration_runs import Place, faulty_target, run_chatbench, truth_in
from scenarios.calibration_store import default_path
from scenarios.pinning import separate_cores

PICTURES = Path("docs/pictures")

FREEZE = "[[freeze]]\nafter_s = 4.0\nfor_s = 1.0"
FREEZE_USERS = 20
FREEZE_FLAGS = ("fanout", "--users", "20", "--rooms", "2", "--rate", "200", "--warmup", "1s", "--duration", "10s")

MISDEEDS = """
[deliveries]
delay = { kind = "lognormal", median_ms = 15, sigma = 0.7 }
drop = 0.06
duplicate = 0.06
swap = 0.06
"""
ROOM, DEADLINE_MS = 12, 60.0
ROOM_FLAGS = ("fanout", "--users", "12", "--rate", "40", "--warmup", "0s", "--duration", "12s", "--deadline", "60ms")


def main() -> int:
    """Draw all three; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURES, metavar="DIR", help="where to (default: %(default)s)")
    parser.add_argument("--calibration", type=Path, default=default_path(os.environ), metavar="FILE")
    given = parser.parse_args()
    try:
        calibration = json.loads(given.calibration.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        sys.stderr.write(f"{given.calibration}: no calibration; run `chatbench calibrate` first\n")
        return 104
    asyncio.run(_draw(given.out, calibration))
    return 0


async def _draw(out: Path, calibration: dict[str, Any]) -> None:
    pinning = separate_cores()
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), pinning.server if pinning else None, pinning.generator if pinning else None)
        async with faulty_target(place, FREEZE, FREEZE_USERS) as server:
            flags = (*FREEZE_FLAGS, "--target", server.url)
            open_loop = await run_chatbench(flags, place, 15)
        async with faulty_target(place, FREEZE, FREEZE_USERS) as server:
            flags = (*FREEZE_FLAGS, "--loop", "closed", "--target", server.url)
            closed_loop = await run_chatbench(flags, place, 15)
        async with faulty_target(place, MISDEEDS, ROOM) as server:
            document = await run_chatbench((*ROOM_FLAGS, "--target", server.url), place, 20)
        message = _most_telling(truth_in(place))
    _save(
        out / "omission.png",
        (1080, 340),
        "A server that stands still for a second, as two ways of measuring see it",
        partial(coordinated_omission, open_loop=open_loop, closed_loop=closed_loop),
    )
    _save(
        out / "ledger.png",
        (900, 400),
        "One message to a room of 12, and what became of each delivery",
        partial(ledger_of_a_message, message=message),
    )
    _save(
        out / "ceiling.png",
        (1080, 320),
        "What one process carries on this machine",
        partial(calibration_plots.ceiling, document=calibration),
    )
    for name, run in (("open loop", open_loop), ("closed loop", closed_loop)):
        metric = run["metrics"]["delivery_time" if name == "open loop" else "delivery_service_time"]
        print(f"{name}: p50 {metric['p50']:.2f} ms, p95 {metric['p95']:.2f} ms, p99 {metric['p99']:.2f} ms")
    counters = document["counters"]
    print({name: counters[f"deliveries_{name}"] for name in ("expected", "lost", "late", "duplicated", "reordered")})


def _save(path: Path, size_px: tuple[int, int], title: str, draw: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, size_px, title, draw)
    print(f"{path}  {path.stat().st_size // 1024} KB")


def _most_telling(truth: Truth) -> OneMessage:
    """The message of ours to whose deliveries the most different things happened."""
    told = [_told(message, truth) for message in truth.messages if message.stamp is not None]
    return max(told, key=lambda each: (len({row.fate for row in each.deliveries}), -_trouble_count(each)))


def _trouble_count(message: OneMessage) -> int:
    return sum(row.fate is not Fate.RECEIVED for row in message.deliveries)


def _told(message: TrueMessage, truth: Truth) -> OneMessage:
    assert message.stamp is not None, "others are left out before"
    sent_ns = message.stamp.sent_ns
    rows = [Delivered(user, None, Fate.LOST) for user in message.dropped]
    for user, at_ns, copies in zip(message.receivers, message.sent_ns, message.extra_copies, strict=True):
        after_ms = (at_ns - sent_ns) / 1e6
        fate = Fate.RECEIVED
        if copies:
            fate = Fate.DUPLICATED
        elif _overtaken(message, user, at_ns, truth):
            fate = Fate.REORDERED
        elif after_ms > DEADLINE_MS:
            fate = Fate.LATE
        rows.append(Delivered(user, after_ms, fate))
    return OneMessage(f"user-{message.stamp.sender + 1:06d}", DEADLINE_MS, sorted(rows, key=lambda row: row.user))


def _overtaken(message: TrueMessage, user: str, at_ns: int, truth: Truth) -> bool:
    assert message.stamp is not None, "others are left out before"
    return any(
        later.stamp is not None
        and later.stamp.sender == message.stamp.sender
        and later.stamp.sequence > message.stamp.sequence
        and user in later.receivers
        and later.sent_ns[later.receivers.index(user)] < at_ns
        for later in truth.messages
    )


if __name__ == "__main__":
    sys.exit(main())
