"""How a run stands that goes on, worked out once for a screen of any size: figures, budgets, and what gives concern."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from loadgen.measure.doubts.thresholds import CORE_RATIO, LATE_MS
from reports import numbers
from reports.budgets import Budget
from reports.planned import kind_of
from reports.terminal.progress import (
    done_of_phase,
    newest,
    phase_left_s,
    phase_of,
    phase_words,
    run_left_s,
    spent_of_phase_s,
    users_of,
    users_through,
)
from reports.terminal.so_far import BudgetNow, budgets_so_far

_QUANTILES = ("p50", "p90", "p99", "max")


@dataclass(frozen=True, slots=True)
class Told:
    """A figure beside its name; ``bad`` where it is a loss or too much."""

    name: str
    value: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """All that there is to see of a run at one instant, in words."""

    scenario: str
    target: str
    phase: str
    done: float | None
    done_words: str
    left: str
    run_left: str
    users: tuple[Told, ...]
    sent_per_s: str
    received_per_s: str
    last_second: tuple[str, ...]
    """p50, p90, p99 and max of the delivery time."""
    window: tuple[str, ...]
    """The same of the measured window so far."""
    deliveries: tuple[Told, ...]
    generator: tuple[Told, ...]
    server: tuple[Told, ...]
    budgets: tuple[BudgetNow, ...]
    concern: str
    """Why the figures may be wrong, as far as can be said before the end; empty where nothing speaks against them."""
    news: str
    """The newest incident."""
    errors: str


def standing_of(document: dict[str, Any], budgets: Iterable[Budget] = ()) -> Standing:
    """That of a snapshot, an empty one too."""
    counters = document.get("counters") or {}
    delivery = (document.get("metrics") or {}).get("delivery_time") or {}
    left_s, run_s = phase_left_s(document), run_left_s(document)
    return Standing(
        scenario=numbers.printable((document.get("run") or {}).get("scenario") or ""),
        target=_target(document.get("target") or {}),
        phase=phase_words(document),
        done=done_of_phase(document),
        done_words=_done_words(document),
        left="" if left_s is None else f"{_clock(left_s)} left",
        run_left="" if run_s is None or run_s == left_s else f"{_clock(run_s)} to the end",
        users=tuple(_users(document, counters)),
        sent_per_s=numbers.count(newest(document, "messages_sent")),
        received_per_s=numbers.count(newest(document, "deliveries_received")),
        last_second=tuple(numbers.duration(newest(document, f"delivery_time_{name}_ms")) for name in _QUANTILES),
        window=tuple(_quantile(delivery, name) for name in _QUANTILES),
        deliveries=tuple(_deliveries(counters)) if phase_of(document) in ("measure", "drain") else (),
        generator=tuple(_generator(document)),
        server=tuple(_server(document)),
        budgets=tuple(budgets_so_far(document, budgets)),
        concern=_concern(document),
        news=_news(document),
        errors=_errors(document.get("errors") or []),
    )


def _target(target: dict[str, Any]) -> str:
    urls = target.get("urls") or ([target["url"]] if target.get("url") else [])
    more = f" and {len(urls) - 1} more" if len(urls) > 1 else ""
    ours = "the embedded server" if target.get("owned") else ""
    told = (f"{urls[0]}{more}" if urls else "", target.get("dialect") or "", ours)
    return numbers.printable("  ".join(text for text in told if text))


def _done_words(document: dict[str, Any]) -> str:
    spent, users = spent_of_phase_s(document), users_through(document)
    if spent is not None:
        return f"{spent[0]:.0f} of {spent[1]:g} s"
    return "" if users is None else f"{numbers.count(users[0])} of {numbers.count(users[1])} users"


def _clock(left_s: float) -> str:
    """A time that still changes each second, so no tenths of one."""
    if left_s < 120:
        return f"{left_s:.0f} s"
    return f"{left_s / 60:.0f} min" if left_s < 7_200 else f"{left_s / 3600:.1f} h"


def _users(document: dict[str, Any], counters: dict[str, Any]) -> Iterable[Told]:
    connections, planned = newest(document, "connections"), users_of(document)
    of = "" if planned is None else f" of {numbers.count(planned)}"
    yield Told("connected", f"{numbers.count(connections)}{of}")
    yield Told("reconnects", numbers.count(counters.get("reconnects")))
    for name, counter in (("dropped", "connections_dropped"), ("failed", "connections_failed")):
        if counters.get(counter):
            yield Told(name, numbers.count(counters[counter]), bad=True)


def _deliveries(counters: dict[str, Any]) -> Iterable[Told]:
    for name in ("lost", "late", "duplicated"):
        count = counters.get(f"deliveries_{name}")
        yield Told(name, numbers.count(count), bad=bool(count))
    yield Told("received", numbers.count(counters.get("deliveries_received")))


def _generator(document: dict[str, Any]) -> Iterable[Told]:
    late_ms = newest(document, "send_lateness_p99_ms")
    yield Told("CPU", numbers.percent(newest(document, "generator_cpu_ratio")), bad=_is_full(document))
    yield Told("late p99", numbers.duration(late_ms), bad=late_ms is not None and late_ms > LATE_MS.fatal)
    processes = len((document.get("generator") or {}).get("processes") or [])
    if processes > 1:
        yield Told("processes", str(processes))


def _server(document: dict[str, Any]) -> Iterable[Told]:
    if document.get("server"):
        yield Told("CPU", numbers.percent(newest(document, "server_cpu_ratio")))
        yield Told("memory", numbers.size(newest(document, "server_rss_bytes")))


def _is_full(document: dict[str, Any]) -> bool:
    workers = (document.get("generator") or {}).get("processes") or []
    return any((worker.get("cpu_ratio") or 0) > CORE_RATIO.fatal for worker in workers)


def _quantile(metric: dict[str, Any], name: str) -> str:
    if not metric.get("count"):
        return numbers.NO_DATA
    return "too few" if metric.get(name) is None else numbers.duration(metric[name])


def _concern(document: dict[str, Any]) -> str:
    late = ((document.get("metrics") or {}).get("send_lateness") or {}).get("p99")
    if late is not None and late > LATE_MS.warning:
        return f"messages were sent {numbers.duration(late)} late (p99), by our own fault"
    if _is_full(document):
        return f"a process that offers load uses more than {numbers.percent(CORE_RATIO.fatal)} of its core"
    return ""


def _news(document: dict[str, Any]) -> str:
    """What went wrong last, by plan; incidents have their instant once the measured window has begun."""
    now_s = max((document.get("series") or {}).get("t_s") or [0.0]) + 1
    over = [each for each in document.get("incidents") or [] if each.get("at_s") is not None and each["at_s"] <= now_s]
    if not over:
        return ""
    last = over[-1]
    hit, back = last.get("users_hit"), last.get("users_back")
    whom = f": {numbers.count(hit)} users hit" if hit else ""
    returned = f", {numbers.count(back)} back" if hit and back is not None else ""
    return f"{kind_of(last)} at {numbers.seconds(last['at_s'])}{whom}{returned}"


def _errors(errors: list[dict[str, Any]]) -> str:
    if not errors:
        return ""
    worst = max(errors, key=lambda error: error["count"])
    others = len(errors) - 1
    more = f", and {others} other kind{'s' * (others > 1)}" if others else ""
    return numbers.printable(f"{numbers.count(worst['count'])} {worst['kind']} in {worst['phase']}{more}")
