"""The two sides, the bare C receiver and chatbench: one run of either against a fresh relay."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.support.programs import listening

REPOSITORY = Path(__file__).parents[2]
BUILD = REPOSITORY / "benchmarks" / ".build"
CHATBENCH = Path(sys.executable).with_name("chatbench")

WARMUP_S = 1
DRAIN_S = 1

# Starting, logging in, writing the run directory: all that is not connecting and traffic.
OVERHEAD_S = 60

# Exits that come with a result document: pass, invalid, over budget.
MEASURED_EXITS = (0, 97, 99)


class BenchmarkError(Exception):
    """A side could not be run, or gave no figures; the text says why, in one line."""


class Side(StrEnum):
    """Who receives."""

    C = "C receiver"
    OURS = "chatbench"


@dataclass(frozen=True, slots=True)
class Load:
    """What both sides do: one room, and messages to everyone in it."""

    sockets: int
    rate_per_s: int
    seconds: int
    payload_bytes: int
    connect_rate_per_s: int


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the relay and one for the client; None when there are no two to give."""

    server: int | None
    client: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run measured; None is what it did not."""

    cpu_us_per_delivery: float | None
    deliveries_expected: int
    deliveries_received: int
    p50_ms: float | None
    p99_ms: float | None
    peak_rss_bytes: int | None
    note: str


def available_cores() -> Cores:
    """Pick two of the cores that we may run on, if there are two, and taskset to use them."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2 or shutil.which("taskset") is None:
        return Cores(server=None, client=None)
    return Cores(server=usable[0], client=usable[1])


def measure(side: Side, load: Load, cores: Cores) -> Figures:
    """Start a relay, run one side against it, and stop the relay.

    Raises BenchmarkError.
    """
    relay_command = [sys.executable, "-m", "tests.support.fast_server", "--exit-with-stdin"]
    try:
        with listening([*_pinned_to(cores.server), *relay_command]) as relay:
            if side is Side.C:
                return c_figures(_run_receiver(relay.url, load, cores))
            return our_figures(_run_chatbench(relay.url, load, cores))
    except KeyError as error:
        raise BenchmarkError(f"the document of {side} has no {error}") from error
    except (RuntimeError, TimeoutError, subprocess.TimeoutExpired) as error:
        raise BenchmarkError(f"the relay: {error}") from error


def compile_receiver() -> Path:
    """Build receiver.c; raises BenchmarkError with what to install when there is no compiler."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise BenchmarkError("no C compiler (cc, gcc, clang) found; on Debian: apt install gcc libc6-dev")
    BUILD.mkdir(exist_ok=True)
    source, program = Path(__file__).with_name("receiver.c"), BUILD / "receiver"
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra"]
    command = [compiler, *flags, "-o", str(program), str(source)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchmarkError(f"{compiler} does not compile {source}:\n{done.stderr}")
    return program


def c_figures(printed: dict[str, Any]) -> Figures:
    """Read what receiver.c prints."""
    in_window = printed["deliveries_in_window"]
    return Figures(
        cpu_us_per_delivery=printed["cpu_s"] * 1e6 / in_window if in_window else None,
        deliveries_expected=printed["deliveries_expected"],
        deliveries_received=printed["deliveries_received"],
        p50_ms=_ms(printed["p50_us"]),
        p99_ms=_ms(printed["p99_us"]),
        peak_rss_bytes=printed["peak_rss_kb"] * 1024,
        note="",
    )


def our_figures(document: dict[str, Any]) -> Figures:
    """Read a result document; its service times are the ones that C measures too.

    The memory is that of the workers. Raises KeyError when the document lacks what it promises.
    """
    counters, generator = document["counters"], document["generator"]
    times = document["metrics"].get("delivery_service_time", {})
    fatal = [doubt["code"] for doubt in document["doubts"] if doubt["severity"] == "fatal"]
    rss = [process["rss_bytes"] for process in generator["processes"]]
    return Figures(
        cpu_us_per_delivery=generator["cpu_us_per_delivery"],
        deliveries_expected=counters["deliveries_expected"],
        deliveries_received=counters["deliveries_received"],
        p50_ms=times.get("p50"),
        p99_ms=times.get("p99"),
        peak_rss_bytes=sum(rss) if rss and None not in rss else None,
        note=" ".join([document["verdict"], *fatal]),
    )


def _run_receiver(url: str, load: Load, cores: Cores) -> dict[str, Any]:
    port = url.rpartition(":")[2]
    numbers = [load.sockets, load.rate_per_s, load.seconds, WARMUP_S, DRAIN_S, load.payload_bytes]
    command = [*_pinned_to(cores.client), str(BUILD / "receiver"), port, *map(str, numbers)]
    return _json_from(command, load, measured_exits=(0,))


def _run_chatbench(url: str, load: Load, cores: Cores) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="chatbench-receive-") as folder:
        command = [
            *_pinned_to(cores.client), str(CHATBENCH), "run",
            "--target", url, "--dialect", str(REPOSITORY / "tests/support/relay.toml"),
            "--users", str(load.sockets), "--connect-rate", str(load.connect_rate_per_s),
            "--rate", str(load.rate_per_s), "--payload", str(load.payload_bytes), "--processes", "1",
            "--warmup", f"{WARMUP_S}s", "--duration", f"{load.seconds}s", "--drain", f"{DRAIN_S}s",
            "--json", "--no-plots", "--no-html", "-q", "--out", f"{folder}/run",
        ]  # fmt: skip
        return _json_from(command, load, measured_exits=MEASURED_EXITS)


def _json_from(command: list[str], load: Load, *, measured_exits: tuple[int, ...]) -> dict[str, Any]:
    limit_s = load.sockets / load.connect_rate_per_s + WARMUP_S + load.seconds + DRAIN_S + OVERHEAD_S
    name = next(Path(word).name for word in command if word.startswith("/"))
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=limit_s)
    except FileNotFoundError as error:
        raise BenchmarkError(f"{error.filename} is not there") from error
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{name} did not end in {limit_s:.0f} s") from error
    if done.returncode not in measured_exits:
        last_words = (done.stderr.strip() or "without a word").splitlines()[-1]
        raise BenchmarkError(f"{name} ended with {done.returncode}: {last_words}")
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise BenchmarkError(f"{name} did not print JSON: {error}") from error
    return document


def _pinned_to(core: int | None) -> list[str]:
    return [] if core is None else ["taskset", "--cpu-list", str(core)]


def _ms(us: float | None) -> float | None:
    return None if us is None else us / 1000
