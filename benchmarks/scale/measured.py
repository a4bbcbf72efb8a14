"""What one process of load was measured to carry; None is what was not measured. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

# Beyond this share of a core, the generator itself makes deliveries late (measuring.md: over 80 % is doubted).
USABLE_CPU_RATIO = 0.8


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one process on one core, and of whoever leads many."""

    deliveries_per_s: float | None = None
    """One message to 500 sockets each time: read in large bursts, which is what makes a delivery cheap."""
    receive_cpu_ratio: float | None = None
    """Of the core, at so many deliveries."""
    messages_per_s: float | None = None
    """Each sent, and received once."""
    send_cpu_ratio: float | None = None
    socket_count: float | None = None
    """Of the process that was weighed, the most that one was tried with."""
    crowd_deliveries_per_s: float | None = None
    """To so many sockets, a few to each."""
    crowd_cpu_ratio: float | None = None
    """Of the core, at so many deliveries: the figure to plan with."""
    worker_rss_bytes: float | None = None
    """Of that process."""
    kernel_bytes_per_socket: float | None = None
    """Of an idle connection, at one end; data under way is not in it."""
    delivery_bytes: float | None = None
    """Of a frame, without the headers of TCP and IP."""
    logins_per_s: float | None = None
    connects_per_s: float | None = None
    hearing_us: float | None = None
    """CPU of a worker for each message of another."""
    coordinator_cpu_ratio: float | None = None
    """Of a core, with 64 workers that write 300 messages/s each."""
    master_cpu_ratio: float | None = None
    """The same of Locust's master."""
    master_rss_bytes: float | None = None
    master_final_s: float | None = None
    """CPU of its last books."""


def learnt(text: str) -> Measured:
    """What ``--figures`` has written; unknown names are an error, missing ones are not measured."""
    return Measured(**json.loads(text))


def written(measured: Measured) -> str:
    """As ``--figures`` keeps it."""
    return json.dumps(asdict(measured), indent=2) + "\n"


def joined(parts: list[Measured]) -> Measured:
    """Of several measurements the last that has a figure."""
    known: dict[str, float] = {}
    for part in parts:
        known |= {each.name: value for each in fields(part) if (value := getattr(part, each.name)) is not None}
    return Measured(**known)


def from_engine(documents: Mapping[str, Mapping[str, Any]]) -> Measured:
    """From the documents that ``python -m benchmarks.engine --json DIR`` leaves, by the name of the case."""
    found = Measured()
    if (receive := documents.get("receive")) is not None:
        found = replace(
            found,
            deliveries_per_s=receive["rates"]["deliveries_received_per_s"],
            receive_cpu_ratio=_worker(receive)["cpu_ratio"],
            delivery_bytes=_bytes_each(receive),
        )
    if (send := documents.get("send")) is not None:
        found = replace(
            found, messages_per_s=send["rates"]["messages_sent_per_s"], send_cpu_ratio=_worker(send)["cpu_ratio"]
        )
    if (sockets := documents.get("sockets")) is not None:
        found = replace(
            found,
            socket_count=sockets["counters"]["connections_opened"],
            worker_rss_bytes=_worker(sockets)["rss_bytes"],
            crowd_deliveries_per_s=sockets["rates"]["deliveries_received_per_s"],
            crowd_cpu_ratio=_worker(sockets)["cpu_ratio"],
        )
    return found


def from_merge(document: Mapping[str, Any], workers: int = 64) -> Measured:
    """From what ``python -m benchmarks.merge --json`` prints."""
    costs = {each["leader"]: each["cost"] for each in document["attempts"] if each["worker_count"] == workers}
    coordinator, master = costs.get("coordinator"), costs.get("master")
    return Measured(
        hearing_us=document["hearing_us_per_message"],
        coordinator_cpu_ratio=coordinator and coordinator["cpu_ratio"],
        master_cpu_ratio=master and master["cpu_ratio"],
        master_rss_bytes=master and master["peak_rss_bytes"],
        master_final_s=master and master["final_s"],
    )


def documents_in(folder: Path) -> dict[str, Any]:
    """Documents of a folder by the names of their files."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def _worker(document: Mapping[str, Any]) -> Mapping[str, Any]:
    worker: Mapping[str, Any]
    (worker,) = document["generator"]["processes"]
    return worker


def _bytes_each(document: Mapping[str, Any]) -> float | None:
    counters = document["counters"]
    frames = counters["frames_received"]
    return counters["bytes_received"] / frames if frames else None
