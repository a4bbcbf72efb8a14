"""The loads, and what is read from the document of each; every aim is stated beside its figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import linear_regression
from typing import Any

Document = dict[str, Any]

# Imports, first buffers and the histograms' spans grow in the first minute; a leak goes on growing.
SETTLED_AFTER_S = 60


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: what was measured, and whether it is what it should be (None: not measured)."""

    what: str
    text: str
    aim: str
    held: bool | None


@dataclass(frozen=True, slots=True)
class Case:
    """One run: flags of ``chatbench run``, how long it takes at most, and how its document is read."""

    name: str
    about: str
    flags: tuple[str, ...]
    limit_s: float
    read: Callable[[Document], list[Figure]]


def cases(soak_minutes: int) -> list[Case]:
    """All there are; ``soak_minutes`` is the length of the last one."""
    return [
        Case(
            "receive",
            "500 sockets in one room, 300 messages/s to each: 150,000 deliveries/s",
            _load(users=500, rate=300, payload=100, duration="10s"),
            120,
            _receive,
        ),
        Case(
            "send",
            "500 users, each alone in a room, 25,000 messages/s, each of which comes back",
            (*_load(users=500, rate=25_000, payload=100, duration="10s"), "--rooms", "500"),
            120,
            _send,
        ),
        Case(
            "sockets",
            "18,000 sockets in one room, 4 messages/s to each: 72,000 deliveries/s",
            _load(users=18_000, rate=4, payload=100, duration="10s"),
            240,
            _sockets,
        ),
        Case(
            "soak",
            f"500 sockets in one room, 120 messages/s to each, for {soak_minutes} minutes: 60,000 deliveries/s",
            _load(users=500, rate=120, payload=100, duration=f"{soak_minutes}m"),
            soak_minutes * 60 + 120,
            _soak,
        ),
    ]


def _load(*, users: int, rate: int, payload: int, duration: str) -> tuple[str, ...]:
    return (
        *("fanout", "--users", str(users), "--rate", str(rate), "--payload", str(payload), "--duration", duration),
        *("--connect-rate", "3000", "--warmup", "2s", "--drain", "2s", "--processes", "1"),
    )


def _receive(document: Document) -> list[Figure]:
    received = document["rates"]["deliveries_received_per_s"]
    return [
        _at_least("deliveries/s", received, 150_000 * 0.98, "150,000"),
        *_common(document),
    ]


def _send(document: Document) -> list[Figure]:
    sent = document["rates"]["messages_sent_per_s"]
    return [_at_least("messages/s", sent, 25_000 * 0.98, "25,000"), *_common(document)]


def _sockets(document: Document) -> list[Figure]:
    (worker,) = document["generator"]["processes"]
    opened, lost = document["counters"]["connections_opened"], document["counters"]["deliveries_lost"]
    connect = next(phase for phase in document["phases"] if phase["name"] == "connect")
    return [
        _at_least("sockets", opened, 18_000, "18,000"),
        _at_most("memory of the worker, MB", _mb(worker["rss_bytes"]), 220),
        Figure("all connected in, s", f"{connect['end_s'] - connect['start_s']:.1f}", "", held=None),
        _at_most("all closed after the drain, s", _ended_after_s(document), 10),
        _at_most("deliveries lost", lost, 0),
        *_common(document),
    ]


def _soak(document: Document) -> list[Figure]:
    series = document["series"]
    points = [
        (t_s / 60, rss_bytes / 1e6)
        for t_s, rss_bytes in zip(series["t_s"], series["generator_rss_bytes"], strict=True)
        if rss_bytes is not None and t_s >= SETTLED_AFTER_S
    ]
    if len(points) < 2 * SETTLED_AFTER_S:
        growth = Figure("memory, MB a minute", "too short a run", "<= 1", held=None)
    else:
        growth = _at_most("memory, MB a minute", linear_regression(*zip(*points, strict=True)).slope, 1)
    return [growth, _at_most("deliveries lost", document["counters"]["deliveries_lost"], 0), *_common(document)]


def _common(document: Document) -> list[Figure]:
    (worker,) = document["generator"]["processes"]
    fatal = [doubt["code"] for doubt in document["doubts"] if doubt["severity"] == "fatal"]
    others = document["machine"]["others_cpu_ratio"]
    delivery = document["metrics"]["delivery_time"]
    return [
        Figure(
            "verdict", " ".join([document["verdict"], *fatal]), "not invalid", held=document["verdict"] != "invalid"
        ),
        Figure("CPU of the worker", _text(worker["cpu_ratio"], "{:.0%} of a core"), "", held=None),
        Figure("lateness p99, ms", _text(worker["send_lateness_p99_ms"], "{:.2f}"), "", held=None),
        Figure("delivery p50 / p99, ms", f"{_text(delivery['p50'])} / {_text(delivery['p99'])}", "", held=None),
        Figure("others on this machine, the server among them", _text(others, "{:.0%}"), "", held=None),
    ]


def _at_least(what: str, value: float | None, least: float, aim: str) -> Figure:
    return Figure(what, _text(value, "{:,.0f}"), aim, held=None if value is None else value >= least)


def _at_most(what: str, value: float | None, most: float) -> Figure:
    return Figure(what, _text(value), f"<= {most:,}", held=None if value is None else value <= most)


def _mb(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else size_bytes / 1e6


def _text(value: float | None, form: str | None = None) -> str:
    if value is None:
        return "not measured"
    return (form or ("{:,}" if isinstance(value, int) else "{:,.2f}")).format(value)


def _ended_after_s(document: Document) -> float:
    """From the end of the drain until all sockets and processes were gone, give or take the start of a process."""
    run = document["run"]
    started, finished = (datetime.fromisoformat(run[name]) for name in ("started_at", "finished_at"))
    return float((finished - started).total_seconds() - document["phases"][-1]["end_s"])


def lines_of(figures: Sequence[Figure]) -> list[str]:
    """The figures as lines; an aim that was missed stands out."""
    marks = {True: "", False: "  MISSED", None: ""}
    return [
        f"  {figure.what:<46} {figure.text:>18}  {('aim ' + figure.aim) if figure.aim else '':<16}{marks[figure.held]}"
        for figure in figures
    ]
