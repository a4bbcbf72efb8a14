"""Tests that must hold again and again: ``python -m tests.support.rounds --times 10 -m faults``, and a table of rounds.

What is not ours goes to pytest. No round ends the others; a test that failed is named with each round it failed in.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

# pytest's codes for "all passed" and "some failed"; its others are of what it could not collect, find or end.
ENDED_IN_ORDER = (0, 1)


class Outcome(StrEnum):
    """What became of a test, the worst last."""

    PASSED = "passed"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Round:
    """All the tests, once; ``outcomes`` by the name of the test, ``exit_code`` of pytest."""

    outcomes: dict[str, Outcome]
    exit_code: int
    seconds: float

    @property
    def failed(self) -> list[str]:
        """The tests that did, by name; and pytest itself, where it did not get to the end."""
        names = [name for name, outcome in self.outcomes.items() if outcome is Outcome.FAILED]
        if self.exit_code in ENDED_IN_ORDER and (names or self.exit_code == 0):
            return names
        return [*names, f"pytest itself, which ended with {self.exit_code}"]

    def count(self, outcome: Outcome) -> int:
        """How many tests came to that."""
        return list(self.outcomes.values()).count(outcome)


def main(words: Sequence[str] | None = None) -> int:
    """1 where anything failed in any round."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.rounds", description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="how many rounds (10)")
    arguments, of_pytest = parser.parse_known_args(words)
    rounds: list[Round] = []
    try:
        for number in range(1, arguments.times + 1):
            print(f"round {number} of {arguments.times}", flush=True)
            rounds.append(carried_out(of_pytest))
    except KeyboardInterrupt:
        print("interrupted: this is of the rounds until then", flush=True)
        print(*lines_of(rounds), sep="\n")
        return 130
    print(*lines_of(rounds), sep="\n")
    return int(any(each.failed for each in rounds))


def carried_out(of_pytest: Sequence[str]) -> Round:
    """Run pytest once, whose own words go to our standard output."""
    with tempfile.TemporaryDirectory(prefix="chatbench-rounds-") as folder:
        book = Path(folder, "junit.xml")
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={book}", *of_pytest]
        began_s = time.monotonic()
        code = subprocess.run(command, check=False).returncode
        seconds = time.monotonic() - began_s
        return Round(outcomes_in(book.read_text(encoding="utf-8") if book.exists() else None), code, seconds)


def outcomes_in(book: str | None) -> dict[str, Outcome]:
    """What pytest's junit.xml tells of each test; of one that it tells twice, the worse."""
    outcomes: dict[str, Outcome] = {}
    ranks = list(Outcome)
    for case in ET.fromstring(book).iter("testcase") if book else ():  # noqa: S314  # pytest's own
        name = f"{case.get('classname')}::{case.get('name')}"
        outcomes[name] = max(outcomes.get(name, Outcome.PASSED), _outcome_of(case), key=ranks.index)
    return outcomes


def _outcome_of(case: ET.Element) -> Outcome:
    if case.find("failure") is not None or case.find("error") is not None:
        return Outcome.FAILED
    return Outcome.PASSED if case.find("skipped") is None else Outcome.SKIPPED


def lines_of(rounds: Sequence[Round]) -> list[str]:
    """The table, and whatever failed."""
    lines = ["", f"{'round':>5} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}"]
    for number, each in enumerate(rounds, 1):
        passed, failed, skipped = each.count(Outcome.PASSED), len(each.failed), each.count(Outcome.SKIPPED)
        lines.append(f"{number:>5} {passed:>7} {failed:>7} {skipped:>8} {each.seconds:>8.0f}")
    for number, each in enumerate(rounds, 1):
        lines += [f"round {number}: FAILED {name}" for name in each.failed]
    return lines


if __name__ == "__main__":
    sys.exit(main())
