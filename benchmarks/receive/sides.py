"""The two sides, the bare C receiver and chatbench: one run of either against a fresh relay."""

import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from benchmarks.common import (
    OVERHEAD_S,
    RELAY_DIALECT,
    REPOSITORY,
    BenchmarkError,
    Cores,
    chatbench_document,
    json_from,
    pinned_to,
    relay_on,
)

BUILD = REPOSITORY / "benchmarks" / ".build"

WARMUP_S = 1
DRAIN_S = 1


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

    @property
    def limit_s(self) -> float:
        """How long a run may take before something must be wrong."""
        return self.sockets / self.connect_rate_per_s + WARMUP_S + self.seconds + DRAIN_S + OVERHEAD_S


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run measured; None is what it did not."""

    cpu_us_per_delivery: float | None
    """Of the whole process tree."""
    worker_us_per_delivery: float | None
    """Of what receives alone: all of C, and the worker of chatbench without its coordinator."""
    deliveries_expected: int
    deliveries_received: int
    p50_ms: float | None
    p99_ms: float | None
    peak_rss_bytes: int | None
    note: str


def measure(side: Side, load: Load, cores: Cores) -> Figures:
    """Start a relay, run one side against it, and stop the relay.

    Raises BenchmarkError.
    """
    try:
        with relay_on(cores.server) as relay:
            if side is Side.C:
                command = [*pinned_to(cores.client), *receiver_command(relay.url, load)]
                return c_figures(json_from(command, load.limit_s, measured_exits=(0,)))
            flags = ["--dialect", str(RELAY_DIALECT), *chatbench_flags(load)]
            return our_figures(chatbench_document(relay.url, flags, pinned_to(cores.client), load.limit_s))
    except KeyError as error:
        raise BenchmarkError(f"the document of {side} has no {error}") from error


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
        worker_us_per_delivery=printed["cpu_s"] * 1e6 / in_window if in_window else None,
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
        worker_us_per_delivery=_worker_us(document),
        deliveries_expected=counters["deliveries_expected"],
        deliveries_received=counters["deliveries_received"],
        p50_ms=times.get("p50"),
        p99_ms=times.get("p99"),
        peak_rss_bytes=sum(rss) if rss and None not in rss else None,
        note=" ".join([document["verdict"], *fatal]),
    )


def _worker_us(document: dict[str, Any]) -> float | None:
    ratios = [process["cpu_ratio"] for process in document["generator"]["processes"]]
    received, window_s = document["counters"]["deliveries_received"], document["rates"]["window_s"]
    return None if None in ratios or not received else sum(ratios) * window_s * 1e6 / received


def receiver_command(url: str, load: Load) -> list[str]:
    """How receiver.c is called."""
    port = url.rpartition(":")[2]
    numbers = [load.sockets, load.rate_per_s, load.seconds, WARMUP_S, DRAIN_S, load.payload_bytes]
    return [str(BUILD / "receiver"), port, *map(str, numbers)]


def chatbench_flags(load: Load) -> list[str]:
    """What ``chatbench run`` is told besides the server and how to speak to it."""
    return [
        "--users", str(load.sockets), "--connect-rate", str(load.connect_rate_per_s),
        "--rate", str(load.rate_per_s), "--payload", str(load.payload_bytes), "--processes", "1",
        "--warmup", f"{WARMUP_S}s", "--duration", f"{load.seconds}s", "--drain", f"{DRAIN_S}s",
    ]  # fmt: skip


def _ms(us: float | None) -> float | None:
    return None if us is None else us / 1000
