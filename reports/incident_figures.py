"""What became of each incident of the plan, as the document tells it."""

from __future__ import annotations

import math
from typing import Any

from loadgen.measure.histogram import Histogram
from loadgen.measure.incident_tally import NO_CLOSE_FRAME, IncidentTally
from loadgen.measure.record import Phase, Record
from loadgen.measure.tally import PerSecond
from loadgen.plan.incidents import COME_BACK, CUT_BY_THE_SERVER, Incident, IncidentKind
from loadgen.plan.pacing import NS_PER_S

_SHARES = (0.5, 0.95, 1.0)
_CURVE = tuple(step / 20 for step in range(1, 21))
# How long after an outage began a socket was cut says nothing: each has its own moment.
_CLOSED = (CUT_BY_THE_SERVER - {IncidentKind.OUTAGE}) | {IncidentKind.SLOW_READERS, IncidentKind.HALF_OPEN}
_WITHOUT_SHARE = CUT_BY_THE_SERVER


def figures_of(record: Record) -> list[dict[str, Any]]:
    """The incidents of the plan, in time; see docs/scenarios.md for what each figure means."""
    window = next((span for span in record.phases if span.phase is Phase.MEASURE), None)
    in_time = sorted(record.plan.incidents, key=lambda incident: (incident.at_ns, incident.number))
    starts = [None if window is None else window.start_ns + incident.at_ns for incident in in_time]
    came_to = [start is not None and _came_to(record, start) for start in starts]
    ends = [*starts, None][1:] if starts else []
    return [
        _figures(incident, record, start if came else None, end)
        for incident, start, came, end in zip(in_time, starts, came_to, ends, strict=True)
    ]


def _came_to(record: Record, start_ns: int) -> bool:
    window = next(span for span in record.phases if span.phase is Phase.MEASURE)
    return window.end_ns is None or start_ns < window.end_ns


def _figures(incident: Incident, record: Record, start_ns: int | None, next_ns: int | None) -> dict[str, Any]:
    tally = record.tally.incidents.get(incident.number, IncidentTally())
    comes_back = incident.kind in COME_BACK
    is_watched = incident.kind in _CLOSED
    misses = comes_back and incident.kind is not IncidentKind.HERD_JOIN and record.plan.reads_history
    until_ns = None if start_ns is None else _until_ns(incident, record, start_ns)
    return {
        "kind": str(incident.kind),
        "at_s": _seconds(record, start_ns),
        "until_s": _seconds(record, until_ns),
        "share": None if incident.kind in _WITHOUT_SHARE else incident.share,
        "users_hit": tally.hit_count,
        "users_back": tally.back.count if comes_back else None,
        **_at(("back_50_s", "back_95_s", "back_100_s"), tally.back, tally.hit_count, wanted=comes_back),
        "back_curve_s": [_reached_s(tally.back, share, tally.hit_count) for share in _CURVE] if comes_back else None,
        "logins_per_s": _most_in_a_second(record, PerSecond.LOGINS, start_ns, next_ns),
        "connects_per_s": _most_in_a_second(record, PerSecond.CONNECTS, start_ns, next_ns),
        "messages_missed": tally.missed_count if misses else None,
        "messages_recovered": tally.recovered_count if misses else None,
        "closes": {
            "none" if code == NO_CLOSE_FRAME else str(code): count for code, count in sorted(tally.closes.items())
        },
        **_at(("closed_50_s", "closed_95_s", "closed_100_s"), tally.closed, tally.hit_count, wanted=is_watched),
    }


def _until_ns(incident: Incident, record: Record, start_ns: int) -> int | None:
    if incident.kind is IncidentKind.SERVER_RESTART:
        return record.target_back_ns
    return start_ns + incident.within_ns if incident.within_ns else None


def _at(names: tuple[str, ...], times: Histogram, of: int, *, wanted: bool) -> dict[str, float | None]:
    return {name: _reached_s(times, share, of) if wanted else None for name, share in zip(names, _SHARES, strict=True)}


def _reached_s(times: Histogram, share: float, of: int) -> float | None:
    """When so large a share of all was counted, at most 0.1 % too late; None where it was not."""
    value_ns = times.value_at_ns(max(1, math.ceil(round(share * of, 6))))
    return None if value_ns is None else value_ns / NS_PER_S


def _most_in_a_second(record: Record, event: PerSecond, start_ns: int | None, next_ns: int | None) -> int | None:
    """From the second in which the incident began to that of the next one, or to the end."""
    if start_ns is None:
        return None
    first = record.tally.second_of(start_ns)
    end = None if next_ns is None else max(first + 1, record.tally.second_of(next_ns))
    seconds = record.tally.seconds
    return max((seconds[s][event] for s in list(seconds) if s >= first and (end is None or s < end)), default=0)


def _seconds(record: Record, at_ns: int | None) -> float | None:
    return None if at_ns is None else (at_ns - record.origin_ns) / NS_PER_S
