"""``python -m benchmarks.kills``: servers, Redis and PostgreSQL are killed and frozen at random under load.

Two servers of two workers each are one chat. Is anything lost that was acknowledged, does anything come twice, or out
of order, and do all of them know in the end who is there? Judged by the run's own document; 1 where something was not
so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.common import CHATBENCH, MEASURED_EXITS, BenchmarkError
from benchmarks.kills.blows import Blow, blows
from benchmarks.kills.exhibit import show
from benchmarks.kills.judging import Outcome, lines_of
from benchmarks.kills.presence import expected_rooms, wrong_presence
from benchmarks.kills.stage import Stage, stage

SCENARIO = Path(__file__).with_name("random_kills.toml")
ROOMS = 7
# Servers that start take both cores for seconds, and the generator must not wait behind them. Root alone may do that.
BEFORE_OTHERS = ("nice", "-n", "-15") if os.geteuid() == 0 else ()
MOST_MINUTES = 60.0
# After the last blow: leases run out, servers start, users come back.
CALM_S = 15.0
ALL_BACK_S = 28.0
ALL_GONE_S = 15.0
# Logins, joins, the warm-up; and the end of the run.
ENTRANCE_S, END_S = 60.0, 120.0


def main() -> int:
    """Run, print, and write if asked to; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the measured window (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of what is killed when (default: %(default)s)")
    parser.add_argument("--users", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument("--rate", type=float, default=30.0, help="messages a second (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="put the page into docs/gallery")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where to leave logs and the run directory")
    given = parser.parse_args()
    if not 0.5 <= given.minutes <= MOST_MINUTES:
        parser.error(f"--minutes: expected 0.5 to {MOST_MINUTES:.0f}, got {given.minutes:g}")
    try:
        with tempfile.TemporaryDirectory(prefix="chatbench-kills-") as temporary:
            folder = temporary if given.keep is None else given.keep
            Path(folder).mkdir(parents=True, exist_ok=True)
            outcome = asyncio.run(_run(given, Path(folder)))
            print(*lines_of(outcome), sep="\n", flush=True)
            if given.write:
                asked = f"--minutes {given.minutes:g} --seed {given.seed} --users {given.users} --rate {given.rate:g}"
                show(outcome, f"python -m benchmarks.kills {asked} --write", Path(folder))
    except (BenchmarkError, OSError, RuntimeError) as error:
        print(f"benchmarks.kills: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("benchmarks.kills: interrupted", file=sys.stderr)
        return 1
    return 1 if outcome.faults else 0


async def _run(given: argparse.Namespace, folder: Path) -> Outcome:
    window_s = given.minutes * 60
    async with stage(folder) as target:
        urls = [instance.url for instance in target.instances]
        async with _load(given, urls, folder) as load:
            await _measured_window(load, folder / "events.ndjson")
            done = await _strike(target, given.seed, window_s)
            await asyncio.sleep(CALM_S)
            rooms = expected_rooms(given.users, ROOMS)
            wrong = await wrong_presence(urls, rooms, ALL_BACK_S)
            code = await asyncio.wait_for(load.wait(), END_S)
        nobody = dict.fromkeys(rooms, frozenset[str]())
        left_over = await wrong_presence(urls, nobody, ALL_GONE_S)
    if code not in MEASURED_EXITS:
        raise BenchmarkError(f"chatbench ended with {code}")
    document: dict[str, Any] = json.loads((folder / "run" / "result.json").read_text(encoding="utf-8"))
    return Outcome(document, done, wrong, left_over)


@asynccontextmanager
async def _load(given: argparse.Namespace, urls: list[str], folder: Path) -> AsyncIterator[Process]:
    """Put the load on the servers; it ends with the block, at the latest."""
    targets = [word for url in urls for word in ("--target", url)]
    command = [
        str(CHATBENCH), "run", str(SCENARIO), *targets, "--users", str(given.users), "--rate", f"{given.rate:g}",
        "--duration", f"{given.minutes * 60:g}s", "--seed", str(given.seed), "--events", str(folder / "events.ndjson"),
        "--out", str(folder / "run"), "--force", "--quiet", "--no-plots", "--no-html",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*BEFORE_OTHERS, *command, start_new_session=True)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 20)
        if process.returncode is None:
            process.kill()


async def _measured_window(load: Process, events: Path) -> None:
    """Wait until it begins. Raises BenchmarkError where it does not."""
    for _ in range(round(ENTRANCE_S / 0.05)):
        if load.returncode is not None:
            raise BenchmarkError(f"chatbench ended with {load.returncode} before it measured anything")
        if await asyncio.to_thread(_measures, events):
            return
        await asyncio.sleep(0.05)
    raise BenchmarkError(f"chatbench did not begin to measure within {ENTRANCE_S:.0f} s")


def _measures(events: Path) -> bool:
    return events.exists() and '"phase": "measure"' in events.read_text(encoding="utf-8")


async def _strike(target: Stage, seed: int, window_s: float) -> list[Blow]:
    """Let all blows of the window fall; returns when the window is over and each has been undone."""
    loop = asyncio.get_running_loop()
    began_s, done = loop.time(), list[Blow]()

    async def strike(blow: Blow) -> None:
        if await target.suffer(blow):
            done.append(blow)

    async with asyncio.TaskGroup() as group:
        for blow in blows(seed, window_s - CALM_S):
            await asyncio.sleep(began_s + blow.at_s - loop.time())
            print(f"  {blow.at_s:6.1f} s  {blow.deed} ({blow.victim}), for {blow.for_s:.1f} s", flush=True)
            group.create_task(strike(blow))
        await asyncio.sleep(max(0.0, began_s + window_s - loop.time()))
    return sorted(done, key=lambda blow: blow.at_s)


if __name__ == "__main__":
    sys.exit(main())
