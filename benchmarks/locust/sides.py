"""The sides: users on websocket-client, and ChatUsers; one run of either against a fresh relay."""

import json
import os
import resource
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from benchmarks.common import (
    CHATBENCH,
    MEASURED_EXITS,
    OVERHEAD_S,
    REPOSITORY,
    BenchmarkError,
    Cores,
    output_of,
    pinned_to,
    relay_on,
)

RELAY_DIALECT = REPOSITORY / "loadgen/relay.toml"
PEER = Path(__file__).with_name("peer.py")

WARMUP_S = 2
DRAIN_S = 1

# Drawing takes seconds of CPU, and Locust's own users have no such report.
NO_PICTURES = {"CHATBENCH_PLOTS": "false", "CHATBENCH_HTML": "false"}


class Side(StrEnum):
    """Whose users they are."""

    PEER = "websocket-client user"
    PEER_UNCHECKED = "without UTF-8 check"
    """The same, relieved of its dearest habit: websocket-client checks each text in Python."""
    OURS = "ChatUser"
    COMMAND_LINE = "chatbench run"
    """The same engine without Locust."""


@dataclass(frozen=True, slots=True)
class Load:
    """What all sides do: one room, and messages to everyone in it."""

    users: int
    rate_per_s: int
    seconds: int
    payload_bytes: int
    spawn_rate_per_s: int

    @property
    def limit_s(self) -> float:
        """How long a run may take before something must be wrong."""
        return self.users / self.spawn_rate_per_s + WARMUP_S + self.seconds + DRAIN_S + OVERHEAD_S

    @property
    def locust_flags(self) -> tuple[str, ...]:
        """What Locust itself is told."""
        return ("--headless", "--only-summary", "-u", str(self.users), "-r", str(self.spawn_rate_per_s))


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run measured; None is what it did not."""

    cpu_us_per_delivery: float | None
    """Of the measured window."""
    whole_us_per_delivery: float | None
    """Of the whole process tree from start to end, the start of Locust included."""
    deliveries_expected: int
    """Of the messages sent in the window; those under way at its ends make websocket-client's a little more or less."""
    deliveries_received: int
    p50_ms: float | None
    p99_ms: float | None
    note: str


def measure(side: Side, load: Load, cores: Cores) -> Figures:
    """Start a relay, run one side against it, and stop the relay; raises BenchmarkError."""
    with relay_on(cores.server) as relay:
        if side in (Side.OURS, Side.COMMAND_LINE):
            return chatbench_side(side, relay.url, load, cores)
        return peer_side(relay.url, load, cores, is_checked=side is Side.PEER)


def peer_side(url: str, load: Load, cores: Cores, *, is_checked: bool) -> Figures:
    """Run the locustfile of websocket-client; raises BenchmarkError."""
    command = [*pinned_to(cores.client), *peer_command(url, load), *([] if is_checked else ["--unchecked"])]
    printed, cpu_s = _carried_out("the websocket-client user", command, load.limit_s, measured_exits=(0,))
    figures = last_line_of(printed)
    return Figures(
        cpu_us_per_delivery=figures["cpu_us_per_delivery"],
        whole_us_per_delivery=_us_each(cpu_s, figures["deliveries_of_all_phases"]),
        deliveries_expected=figures["deliveries_expected"],
        deliveries_received=figures["deliveries_received"],
        p50_ms=figures["p50_ms"],
        p99_ms=figures["p99_ms"],
        note="",
    )


def peer_command(url: str, load: Load) -> list[str]:
    """How the locustfile of websocket-client is run."""
    return [
        sys.executable, "-m", "locust", "-f", str(PEER), *load.locust_flags,
        "--host", url.replace("http", "ws", 1), "--rate", str(load.rate_per_s), "--payload", str(load.payload_bytes),
        "--warmup", str(WARMUP_S), "--seconds", str(load.seconds),
    ]  # fmt: skip


def last_line_of(printed: str) -> dict[str, Any]:
    """The JSON that the locustfile ends with; raises BenchmarkError."""
    try:
        figures: dict[str, Any] = json.loads(printed.splitlines()[-1])
    except (IndexError, json.JSONDecodeError) as error:
        raise BenchmarkError(f"the websocket-client user did not end with JSON: {error}") from error
    return figures


def chatbench_side(side: Side, url: str, load: Load, cores: Cores) -> Figures:
    """Run ``chatbench locust``, or ``chatbench run``, and read its result document; raises BenchmarkError."""
    command_of = command_line_command if side is Side.COMMAND_LINE else chat_user_command
    name = "chatbench run" if side is Side.COMMAND_LINE else "chatbench locust"
    with tempfile.TemporaryDirectory(prefix="chatbench-benchmark-") as folder:
        command = [*pinned_to(cores.client), *command_of(url, load, f"{folder}/run")]
        _, cpu_s = _carried_out(name, command, load.limit_s, measured_exits=MEASURED_EXITS)
        try:
            document = json.loads(Path(folder, "run", "result.json").read_text(encoding="utf-8"))
            return chatbench_figures(document, cpu_s)
        except (OSError, json.JSONDecodeError) as error:
            raise BenchmarkError(f"{name} left no result: {error}") from error
        except KeyError as error:
            raise BenchmarkError(f"the document of {name} has no {error}") from error


def chat_user_command(url: str, load: Load, run_directory: str) -> list[str]:
    """How ``chatbench locust`` is run."""
    return [str(CHATBENCH), "locust", *load.locust_flags, *_flags(url, load, run_directory)]


def command_line_command(url: str, load: Load, run_directory: str) -> list[str]:
    """How ``chatbench run`` is run."""
    users = ("--users", str(load.users), "--connect-rate", str(load.spawn_rate_per_s))
    return [str(CHATBENCH), "run", "-q", *users, *_flags(url, load, run_directory)]


def _flags(url: str, load: Load, run_directory: str) -> list[str]:
    return [
        "--target", url, "--dialect", str(RELAY_DIALECT), "--out", run_directory,
        "--rate", str(load.rate_per_s), "--payload", str(load.payload_bytes),
        "--warmup", f"{WARMUP_S}s", "--duration", f"{load.seconds}s", "--drain", f"{DRAIN_S}s",
    ]  # fmt: skip


def chatbench_figures(document: dict[str, Any], cpu_s: float) -> Figures:
    """Read a result document; ``cpu_s`` is what the whole process tree has used.

    Raises KeyError when the document lacks what it promises.
    """
    counters, times = document["counters"], document["metrics"].get("delivery_service_time", {})
    fatal = [doubt["code"] for doubt in document["doubts"] if doubt["severity"] == "fatal"]
    return Figures(
        cpu_us_per_delivery=document["generator"]["cpu_us_per_delivery"],
        whole_us_per_delivery=_us_each(cpu_s, sum(document["series"]["deliveries_received"])),
        deliveries_expected=counters["deliveries_expected"],
        deliveries_received=counters["deliveries_received"],
        p50_ms=times.get("p50"),
        p99_ms=times.get("p99"),
        note=" ".join([document["verdict"], *fatal]),
    )


def _carried_out(
    name: str, command: Sequence[str], limit_s: float, *, measured_exits: tuple[int, ...]
) -> tuple[str, float]:
    """What a command prints, and the CPU time of its process tree, as far as parents waited for their children."""
    before_s = _children_cpu_s()
    environment = os.environ | NO_PICTURES
    printed = output_of(name, command, limit_s, measured_exits=measured_exits, environment=environment)
    return printed, _children_cpu_s() - before_s


def _children_cpu_s() -> float:
    # The relay's is not in it: it is waited for when the run is over.
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _us_each(cpu_s: float, delivery_count: int) -> float | None:
    return cpu_s * 1e6 / delivery_count if delivery_count else None
