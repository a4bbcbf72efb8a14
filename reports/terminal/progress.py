"""How far a run is that goes on: its phase, what of it is done, and how long it and all the rest still take."""

from __future__ import annotations

from typing import Any

from reports.planned import phase_length_s
from reports.summary import label_of

# Phases that take as long as they take -> the metric that has a sample for each user who is through.
_COUNTED = {"login": "login_time", "connect": "connect_time", "join": "join_time"}
_IN_ORDER = ("login", "connect", "join", "warmup", "measure", "drain")
# What the first users took says little of what all of them take.
_LEAST_DONE = 0.02
# The series of a snapshot end up to two seconds ago, and users are counted up to now.
_LEAST_S = 3.0


def phase_of(document: dict[str, Any]) -> str | None:
    """The name of the present phase; None before the first."""
    phases = document.get("phases") or []
    return str(phases[-1]["name"]) if phases else None


def phase_words(document: dict[str, Any]) -> str:
    """Its name as people read it."""
    name = phase_of(document)
    return "starting" if name is None else label_of(name)


def run_time_s(document: dict[str, Any]) -> float:
    """How far the run is, by its own account."""
    times = (document.get("series") or {}).get("t_s") or []
    starts = [phase["start_s"] for phase in document.get("phases") or []]
    return float(max([*times[-1:], *starts[-1:]], default=0.0))


def spent_of_phase_s(document: dict[str, Any]) -> tuple[float, float] | None:
    """How much of the present phase is over, and how long it is; None for one that takes as long as it takes."""
    phases = document.get("phases") or []
    planned_s = phase_length_s(document, phases[-1]["name"]) if phases else None
    if not planned_s:
        return None
    return min(planned_s, max(0.0, run_time_s(document) - phases[-1]["start_s"])), planned_s


def users_through(document: dict[str, Any]) -> tuple[int, int] | None:
    """How many users have the present phase behind them, and how many are to; None for one that is not of users."""
    users = users_of(document)
    metric = (document.get("metrics") or {}).get(_COUNTED.get(phase_of(document) or "", "")) or {}
    return (min(metric["count"], users), users) if users and metric.get("count") is not None else None


def done_of_phase(document: dict[str, Any]) -> float | None:
    """How much of the present phase is done, 0 to 1; None when that cannot be said."""
    spent = spent_of_phase_s(document) or users_through(document)
    return None if spent is None else float(min(1.0, max(0.0, spent[0] / spent[1])))


def phase_left_s(document: dict[str, Any]) -> float | None:
    """How long the present phase still takes, by its plan or by how fast users came through; None: nobody knows."""
    spent = spent_of_phase_s(document)
    if spent is not None:
        return spent[1] - spent[0]
    through = users_through(document)
    if through is None:
        return None
    return max(_at_their_pace_s(document, *through), _as_before_s(document, *through))


def _at_their_pace_s(document: dict[str, Any], through: int, users: int) -> float:
    """How long the others take where the plan alone holds them back; 0 where it does not say."""
    rate_per_s = _planned(document, "users.connect_rate_per_s")
    return (users - through) / rate_per_s if rate_per_s else 0.0


def _as_before_s(document: dict[str, Any], through: int, users: int) -> float:
    """How long they take where it goes on as it went; 0 where that is not known yet."""
    since_s = run_time_s(document) - float(document["phases"][-1]["start_s"])
    if since_s < _LEAST_S or through < _LEAST_DONE * users:
        return 0.0
    return since_s * (users - through) / through


def run_left_s(document: dict[str, Any]) -> float | None:
    """The same of the whole run: what follows takes as long as is planned."""
    left_s, name = phase_left_s(document), phase_of(document)
    if left_s is None or name not in _IN_ORDER:
        return None
    return left_s + sum(_planned_s(document, later) for later in _IN_ORDER[_IN_ORDER.index(name) + 1 :])


def newest(document: dict[str, Any], name: str) -> float | None:
    """The last value of a series."""
    values = (document.get("series") or {}).get(name) or [None]
    return None if values[-1] is None else float(values[-1])


def _planned_s(document: dict[str, Any], phase: str) -> float:
    if phase not in _COUNTED:
        return phase_length_s(document, phase) or 0.0
    users, rate_per_s = users_of(document), _planned(document, "users.connect_rate_per_s")
    return users / rate_per_s if users and rate_per_s else 0.0


def users_of(document: dict[str, Any]) -> int | None:
    """How many there are to be; the workers' count of them comes a second later than the plan's."""
    counted: int | None = (document.get("counters") or {}).get("users_planned") or _planned(document, "users.count")
    return counted


def _planned(document: dict[str, Any], key: str) -> Any:
    return ((document.get("plan") or {}).get(key) or {}).get("value")
