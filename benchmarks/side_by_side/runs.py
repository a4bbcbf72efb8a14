"""One run of the scenario on one server."""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import Cores, chatbench_document, pinned_to
from benchmarks.server.watched import window_of
from benchmarks.side_by_side.page import Run
from benchmarks.side_by_side.sides import Side, started
from benchmarks.side_by_side.watching import watching
from tests.support.peers import Peer

SCENARIO = Path(__file__).with_name("scenario.toml")
LIMIT_S = 120.0


def carried_out(side: Side, cores: Cores, *flags: str) -> Run:
    """Start the server, run, and stop it; raises BenchmarkError."""
    with tempfile.TemporaryDirectory(prefix="chatbench-benchmark-") as folder, started(side, cores.server) as peer:
        assert peer.pid is not None, "a server without a process cannot be watched"
        told = [str(SCENARIO), *spoken_to(peer, Path(folder)), *flags]
        with watching(peer.pid) as watch:
            document = chatbench_document(peer.url, told, pinned_to(cores.client), LIMIT_S)
        per_s = document["rates"]["deliveries_received_per_s"]
        return run_of(side.name, document, watch.cpu_us_per_delivery(window_of(document), per_s))


def spoken_to(peer: Peer, folder: Path) -> list[str]:
    """The flags that say how, and by whom."""
    dialect, users = folder / f"{peer.name}.toml", folder / "users.csv"
    dialect.write_text(peer.text, encoding="utf-8")
    if not peer.accounts:
        return ["--dialect", str(dialect)]
    users.write_text("".join(f"{name},{password}\n" for name, password in peer.accounts), encoding="utf-8")
    return ["--dialect", str(dialect), "--users-file", str(users)]


def run_of(server: str, document: dict[str, Any], cpu_us_per_delivery: float | None) -> Run:
    """What is told of a run."""
    delivery, ack = document["metrics"]["delivery_time"], document["metrics"].get("ack_time")
    return Run(
        server,
        p50_ms=delivery["p50"],
        p95_ms=delivery["p95"],
        p99_ms=delivery["p99"],
        ack_p50_ms=None if ack is None else ack["p50"],
        expected=document["counters"]["deliveries_expected"],
        lost=document["counters"]["deliveries_lost"],
        cpu_us_per_delivery=cpu_us_per_delivery,
        lateness_p99_ms=document["metrics"]["send_lateness"]["p99"],
        doubts=tuple(each["code"] for each in document["doubts"] if each["severity"] == "fatal"),
        p99_of_seconds_ms=_measured_seconds(document, "delivery_time_p99_ms"),
        hdr=delivery["hdr"],
    )


def _measured_seconds(document: dict[str, Any], name: str) -> tuple[float, ...]:
    """The values of a series for the whole seconds of the measured window."""
    series = document["series"]
    window = next(phase for phase in document["phases"] if phase["name"] == "measure")
    return tuple(
        value
        for t_s, value in zip(series["t_s"], series[name], strict=True)
        if value is not None and window["start_s"] <= t_s and t_s + series["interval_s"] <= window["end_s"]
    )
