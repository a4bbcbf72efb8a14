"""The bare C loop, and chatbench in three shapes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.common import CHATBENCH, BenchmarkError
from benchmarks.locust import sides as locust_sides
from benchmarks.peers.side import Ending, Side, Told
from benchmarks.receive.sides import Load, c_figures, chatbench_flags, our_figures, receiver_command


def floor() -> Side:
    """Sends for itself, as chatbench does."""
    return Side(
        "bare C loop",
        "epoll and read(2): finds the stamp, one bucket of a histogram",
        lambda url, load, _: receiver_command(url, load),
        c_told,
        no_compiler,
        lambda: "benchmarks/receive/receiver.c",
        sends=True,
        ending=Ending.BY_ITSELF,
    )


def chatbench(name: str, *flags: str, package: str) -> Side:
    """One transport."""
    return Side(
        name,
        "every delivery timed, lost, duplicated, reordered, for each receiver",
        partial(_command, flags=flags),
        _told,
        lambda: None,
        lambda: f"chatbench {version('chatbench')}, {package} {version(package)}",
        sends=True,
        ending=Ending.BY_ITSELF,
    )


def chatbench_locust() -> Side:
    """ChatUsers."""
    return Side(
        "chatbench in Locust",
        "the same, each Locust user a socket of the swarm",
        lambda url, load, folder: locust_sides.chat_user_command(url, locust_load(load), str(folder / "run")),
        _told,
        lambda: None,
        lambda: f"chatbench {version('chatbench')}, Locust {version('locust')}",
        sends=True,
        ending=Ending.BY_ITSELF,
        environment=locust_sides.NO_PICTURES,
    )


def locust_load(load: Load) -> locust_sides.Load:
    """The same load in Locust's words."""
    return locust_sides.Load(
        users=load.sockets,
        rate_per_s=load.rate_per_s,
        seconds=load.seconds,
        payload_bytes=load.payload_bytes,
        spawn_rate_per_s=load.connect_rate_per_s,
    )


def c_told(printed: str, _: Path) -> Told:
    """Read what receiver.c prints."""
    line: dict[str, Any] = json.loads(printed)
    figures = c_figures(line)
    return Told(
        received=figures.deliveries_received,
        expected=figures.deliveries_expected,
        in_window_per_s=line["deliveries_in_window"] / line["window_s"],
        p50_ms=figures.p50_ms,
        p99_ms=figures.p99_ms,
        cpu_us_per_delivery=figures.cpu_us_per_delivery,
    )


def told_by(document: dict[str, Any]) -> Told:
    """Read a result document; its service times are those that all others measure."""
    figures = our_figures(document)
    rss = [process["rss_bytes"] for process in document["generator"]["processes"]]
    return Told(
        received=figures.deliveries_received,
        expected=figures.deliveries_expected,
        in_window_per_s=document["rates"]["deliveries_received_per_s"],
        p50_ms=figures.p50_ms,
        p99_ms=figures.p99_ms,
        cpu_us_per_delivery=figures.cpu_us_per_delivery,
        worker_rss_bytes=rss[0] if len(rss) == 1 else None,
        note=figures.note,
        is_valid=document["verdict"] != "invalid",
    )


def no_compiler() -> str | None:
    """What to install for the C loop."""
    return (
        None if any(map(shutil.which, ("cc", "gcc", "clang"))) else "a C compiler; on Debian: apt install gcc libc6-dev"
    )


def _command(url: str, load: Load, folder: Path, flags: Sequence[str]) -> list[str]:
    return [
        str(CHATBENCH), "run", "--target", url, "--dialect", str(locust_sides.RELAY_DIALECT), *chatbench_flags(load),
        *flags, "--no-plots", "--no-html", "-q", "--out", str(folder / "run"),
    ]  # fmt: skip


def _told(_: str, folder: Path) -> Told:
    try:
        return told_by(json.loads((folder / "run/result.json").read_text(encoding="utf-8")))
    except OSError as error:
        raise BenchmarkError("left no result document") from error
