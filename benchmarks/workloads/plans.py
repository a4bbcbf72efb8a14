"""Plans for a million users: how long they take to settle, and how much memory."""

import sys
import tempfile
from pathlib import Path

from benchmarks.common import json_from
from benchmarks.engine.cases import Figure
from benchmarks.workloads.runs import at_most
from benchmarks.workloads.settling import PROCESS_COUNT

LIMIT_S = 60.0
AIM_SETTLE_S = 5.0
AIM_PEAK_MB = 1_000

A_MILLION = f"[run]\nprocesses = {PROCESS_COUNT}\n[users]\ncount = 1_000_000\n"
ZIPF = '{ shape = "zipf", count = 100_000 }'
LOGNORMAL = '{ shape = "lognormal", giant = 0.01 }'

SCENARIOS = {
    "zipf, 100,000 rooms": f"{A_MILLION}rooms = {ZIPF}\n",
    "lognormal, one giant": f"{A_MILLION}rooms = {LOGNORMAL}\n",
    "3 rooms a user, a tenth active, pareto": (
        f'{A_MILLION}active = 0.1\nrooms = {ZIPF}\nmore_rooms = [{LOGNORMAL}, {{ shape = "own", weight = 0.5 }}]\n'
        '[traffic]\ngaps = "pareto"\nper_user_per_min = 1\n'
    ),
}


def plans() -> list[Figure]:
    """A million users, each plan in a process of its own, imports not counted in the time and counted in the memory."""
    with tempfile.TemporaryDirectory(prefix="chatbench-benchmark-") as folder:
        path = Path(folder) / "million.toml"
        figures = []
        for name, text in SCENARIOS.items():
            path.write_text(text, encoding="utf-8")
            figures += _settled(name, path)
        return figures


def _settled(name: str, path: Path) -> list[Figure]:
    command = [sys.executable, "-m", "benchmarks.workloads.settling", str(path)]
    told = json_from(command, LIMIT_S, measured_exits=(0,))
    return [
        at_most(f"{name}: s", told["settle_s"], AIM_SETTLE_S),
        at_most(f"{name}: MB", told["peak_rss_bytes"] / 1e6, AIM_PEAK_MB),
        Figure("  then, the first turn of a process, s", _seconds(told["first_turn_s"]), "", held=None),
    ]


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
