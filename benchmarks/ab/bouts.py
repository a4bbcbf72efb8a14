"""Real bouts: ``chatbench ab`` against the reference server as it is, and made slower on purpose."""

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import CHATBENCH, BenchmarkError

SERVE = f"{shlex.quote(sys.executable)} -P -m target_app --port 0 --accounts 20 --exit-with-stdin --lift-limits"
# 32 pairs of 20 s each are 11 minutes.
LIMIT_S = 2_400


@dataclass(frozen=True, slots=True)
class Bout:
    """What is held against what."""

    name: str
    base_delay_ms: float
    head_delay_ms: float
    """By so much each delivery is held back; 0: the server as it is."""
    wanted: frozenset[int]
    """The exit codes that are right."""


A_A = Bout("the same", 0.0, 0.0, frozenset({0}))
FIVE_MS = Bout("5 ms slower", 0.0, 5.0, frozenset({98}))
# Timers of the event loop are whole milliseconds, and the server itself takes a bit less than one: so these are about a
# fifth, and a tenth.
A_FIFTH = Bout("a fifth slower", 4.0, 5.0, frozenset({98}))
A_TENTH = Bout("a tenth slower", 9.0, 10.0, frozenset({98, 96}))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one bout came to."""

    bout: Bout
    code: int
    document: Mapping[str, Any]

    @property
    def is_right(self) -> bool:
        """Whether it is one of the answers that are."""
        return self.code in self.bout.wanted

    @property
    def ratio(self) -> float | None:
        """How many times as long the median took in head as in base."""
        ratios: list[float | None] = [
            row["ratio"] for row in self.document["times"] if row["metric"] == "delivery_time p50"
        ]
        return ratios[0]


def carried_out(bout: Bout, folder: Path, flags: list[str]) -> Outcome:
    """One bout, with the flags of ``ab``; raises BenchmarkError where it said nothing."""
    folder.mkdir(parents=True)
    servers = [
        command(folder / f"{side}.toml", delay)
        for side, delay in (("base", bout.base_delay_ms), ("head", bout.head_delay_ms))
    ]
    arguments = [
        "ab",
        "side_by_side",
        "--base",
        servers[0],
        "--head",
        servers[1],
        "-o",
        str(folder / "ab"),
        "--json",
        *flags,
    ]
    done = subprocess.run([str(CHATBENCH), *arguments], check=False, capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode not in (0, 96, 97, 98):
        raise BenchmarkError(f"ab, {bout.name}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return Outcome(bout, done.returncode, json.loads(done.stdout))


def command(faults: Path, delay_ms: float) -> str:
    """What starts a server that holds each delivery back for so long."""
    if not delay_ms:
        return SERVE
    faults.write_text(f'[deliveries]\ndelay = {{ kind = "constant", ms = {delay_ms} }}\n')
    return f"{SERVE} --faults {shlex.quote(str(faults))}"
