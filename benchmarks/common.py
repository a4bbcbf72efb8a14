"""What every benchmark here needs: cores to itself, a fast server on one of them, chatbench on another."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.support.programs import Listening, listening

REPOSITORY = Path(__file__).parents[1]
CHATBENCH = Path(sys.executable).with_name("chatbench")
RELAY_DIALECT = REPOSITORY / "tests/support/relay.toml"

# Exits that come with a result document: pass, invalid, over budget.
MEASURED_EXITS = (0, 97, 99)
# Starting, logging in, writing the run directory: all that is not connecting and traffic.
OVERHEAD_S = 60


class BenchmarkError(Exception):
    """Something could not be run, or gave no figures; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the server and one for the client; None when there are no two to give."""

    server: int | None
    client: int | None


def available_cores() -> Cores:
    """Pick two of the cores that we may run on, if there are two, and taskset to use them."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2 or shutil.which("taskset") is None:
        return Cores(server=None, client=None)
    return Cores(server=usable[0], client=usable[1])


def pinned_to(*cores: int | None) -> list[str]:
    """What to put before a command to keep it to some cores."""
    known = [str(core) for core in cores if core is not None]
    return ["taskset", "--cpu-list", ",".join(known)] if known else []


def positive(text: str) -> int:
    """Read a whole number > 0."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def this_machine(*packages: str) -> dict[str, str]:
    """Name what the figures depend on; raises PackageNotFoundError."""
    models = (
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    )
    return {
        "cpu": next(models, platform.machine()),
        "kernel": f"Linux {platform.release()}",
        "python": f"Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@contextmanager
def relay_on(core: int | None) -> Iterator[Listening]:
    """The fast server of the tests, for as long as the block lasts; raises BenchmarkError."""
    command = [*pinned_to(core), sys.executable, "-m", "tests.support.fast_server", "--exit-with-stdin"]
    try:
        with listening(command) as relay:
            yield relay
    except (RuntimeError, TimeoutError, subprocess.TimeoutExpired) as error:
        raise BenchmarkError(f"the relay: {error}") from error


def chatbench_document(url: str, flags: Sequence[str], prefix: Sequence[str], limit_s: float) -> dict[str, Any]:
    """The document of a run against the relay at ``url``; raises BenchmarkError."""
    with tempfile.TemporaryDirectory(prefix="chatbench-benchmark-") as folder:
        command = [
            *prefix, str(CHATBENCH), "run", "--target", url, *flags,
            "--json", "--no-plots", "--no-html", "-q", "--out", f"{folder}/run",
        ]  # fmt: skip
        return json_from(command, limit_s, measured_exits=MEASURED_EXITS)


def json_from(command: Sequence[str], limit_s: float, *, measured_exits: tuple[int, ...]) -> dict[str, Any]:
    """What a command prints, read as JSON; raises BenchmarkError."""
    name = next(Path(word).name for word in command if word.startswith("/"))
    printed = output_of(name, command, limit_s, measured_exits=measured_exits)
    try:
        document: dict[str, Any] = json.loads(printed)
    except json.JSONDecodeError as error:
        raise BenchmarkError(f"{name} did not print JSON: {error}") from error
    return document


def output_of(
    name: str,
    command: Sequence[str],
    limit_s: float,
    *,
    measured_exits: tuple[int, ...],
    environment: Mapping[str, str] | None = None,
) -> str:
    """What a command prints; BenchmarkError, with its ``name``, where it does not end as one that has measured."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=limit_s, env=environment)
    except FileNotFoundError as error:
        raise BenchmarkError(f"{error.filename} is not there") from error
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{name} did not end in {limit_s:.0f} s") from error
    if done.returncode not in measured_exits:
        last_words = (done.stderr.strip() or "without a word").splitlines()[-1]
        raise BenchmarkError(f"{name} ended with {done.returncode}: {last_words}")
    return done.stdout


def put_into(page: Path, place: str, text: str) -> None:
    """Put ``text`` where a page has the last one of its ``place``, or the place for it: ``<!-- table: NAME -->``.

    A page that has none gets one at its end.
    """
    before, mark, rest = page.read_text(encoding="utf-8").partition(place)
    if not mark:
        before, rest = f"{before.rstrip()}\n\n", "\n"
    end = place.replace("table", "end of table")
    _, _, after = rest.partition(end) if end in rest else ("", "", rest)
    page.write_text(f"{before}{place}\n\n{text}\n{end}{after}", encoding="utf-8")
