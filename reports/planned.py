"""What the rows of a document's plan say: times in seconds, users and incidents on the run's clock, values in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from reports import numbers

_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_PART = re.compile(r"([\d.]+)(h|ms|us|m|s)")
_BACKOFFS = {
    "none": "at once",
    "constant": "3 s later",
    "exponential_jitter": "after random waits that grow with each try",
}
# Kinds of incidents where there is little room; of any other kind, its last word.
_SHORT_KINDS = {
    "herd_join": "herd",
    "slow_readers": "slow",
    "abrupt_close": "cut",
    "half_open": "half-open",
    "announcement": "news",
}


@dataclass(frozen=True, slots=True)
class Incident:
    """What went wrong by plan; times count from the start of the run."""

    at_s: float
    until_s: float | None
    """When it was over; None where it is a matter of an instant, or went on."""
    names: tuple[str, ...]
    """What to call it, in less and less room."""


def seconds_of(text: Any) -> float | None:
    """The seconds of a time as plans write it ("90s", "1h30m"), or of a number of seconds; None for anything else."""
    if isinstance(text, int | float):
        return float(text)
    parts = _PART.findall(text) if isinstance(text, str) else []
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts) if parts else None


def phase_length_s(document: dict[str, Any], phase: str) -> float | None:
    """How long the plan lets a phase last; None for one that takes as long as it takes."""
    return seconds_of(_value(document, f"phases.{phase}")) or None


def incidents(document: dict[str, Any]) -> list[Incident]:
    """Those that the run came to, in time; none where its measured window never began.

    As the document tells them, or, in one that tells of none, as its plan has them.
    """
    told = document.get("incidents")
    if told is not None:
        return [
            _incident(incident, incident["at_s"], incident.get("until_s"))
            for incident in told
            if incident.get("at_s") is not None
        ]
    window = next((phase for phase in document.get("phases") or [] if phase["name"] == "measure"), None)
    if window is None:
        return []
    found = []
    for incident in incident_rows(document):
        at_s = window["start_s"] + _after_s(document, incident)
        if window.get("end_s") is None or at_s < window["end_s"]:
            within_s = _moment_s(document, incident.get("within") or "")
            found.append(_incident(incident, at_s, at_s + within_s if within_s else None))
    return found


def incident_rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The incidents as the plan has them, in time; of two at one instant the first of the file comes first."""
    rows = _value(document, "incident") or []
    # Rounded, so that 25 % of 20 s and 5 s are the same instant.
    return sorted(rows, key=lambda row: round(_after_s(document, row), 6))


def kind_of(incident: dict[str, Any]) -> str:
    """What kind of incident it is, in words."""
    return numbers.printable(str(incident["kind"]).replace("_", " "))


def short_kind_of(incident: dict[str, Any]) -> str:
    """Its kind in one word."""
    return _SHORT_KINDS.get(str(incident["kind"]), kind_of(incident).split()[-1])


def way_back(incident: dict[str, Any]) -> str:
    """How those whom it hit try to come back: "at once"; empty where they do not."""
    backoff = incident.get("backoff")
    return "" if backoff is None else _BACKOFFS.get(str(backoff), numbers.printable(backoff).replace("_", " "))


def users_over_time(document: dict[str, Any]) -> list[tuple[float, int]]:
    """The corners of the plan's stages as (seconds since the start of the run, users); none where it has no stages."""
    stages = _value(document, "users.stages") or []
    window = next((phase for phase in document.get("phases") or [] if phase["name"] == "measure"), None)
    if not stages or window is None:
        return []
    corners = [(float(window["start_s"]), 0)]
    for stage in stages:
        corners.append((corners[-1][0] + (seconds_of(stage["within"]) or 0.0), int(stage["count"])))
    return corners


def value_text(key: str, value: Any) -> str:
    """The value of a row in words."""
    if key == "users.stages" and value:
        return ", then ".join(f"to {numbers.count(stage['count'])} {_within(stage)}" for stage in value)
    if key == "traffic.rate_stages" and value:
        return ", then ".join(f"to {plain_text(stage['rate_per_s'])}/s {_within(stage)}" for stage in value)
    if key == "traffic.payload_bytes" and isinstance(value, list) and len(value) > 1:
        return f"{plain_text(value[:-1])} or {plain_text(value[-1])}, each as likely"
    if key == "incident" and value:
        return "; ".join(map(_incident_text, value))
    return "not set" if value is None else plain_text(value)


def _within(stage: dict[str, Any]) -> str:
    return f"within {stage['within']}" if seconds_of(stage["within"]) else "at once"


def plain_text(value: Any) -> str:
    """Any value of a document in words, lists and tables too."""
    if value is None:
        return numbers.NO_DATA
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.12g}" if isinstance(value, float) else numbers.count(value)
    if isinstance(value, list):
        return ", ".join(map(plain_text, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {plain_text(item)}" for key, item in value.items()) or "none"
    return numbers.printable(value)


def _incident_text(incident: dict[str, Any]) -> str:
    share, within, back = incident.get("share"), str(incident.get("within") or ""), way_back(incident)
    read = incident.get("bytes_per_s")
    told = (
        share is not None and f"{numbers.percent(share)} of the users",
        within.endswith("%") and f"within {within} of the window",
        seconds_of(within) and f"within {within}",
        read is not None and (f"reading {numbers.count(read)} bytes a second" if read else "reading nothing"),
        incident.get("down") is not None and f"{'killed and ' * bool(incident.get('kill'))}down for {incident['down']}",
        back and f"back {back}",
    )
    return numbers.printable(f"{kind_of(incident)} at {incident['at']}: {', '.join(text for text in told if text)}")


def _incident(incident: dict[str, Any], at_s: float, until_s: float | None) -> Incident:
    kind, short, share = kind_of(incident), short_kind_of(incident), incident.get("share")
    if share is None:
        return Incident(at_s, until_s, (kind, short))
    return Incident(at_s, until_s, (f"{kind}, {numbers.percent(share)}", f"{short} {numbers.percent(share)}", short))


def _after_s(document: dict[str, Any], incident: dict[str, Any]) -> float:
    """How long after the measured window began it is to happen."""
    return _moment_s(document, incident["at"])


def _moment_s(document: dict[str, Any], text: Any) -> float:
    """The seconds of a time, or of a share of the measured window."""
    share = re.fullmatch(r"([\d.]+)%", str(text).strip())
    if share is None:
        return seconds_of(text) or 0.0
    return (phase_length_s(document, "measure") or 0.0) * float(share[1]) / 100


def _value(document: dict[str, Any], key: str) -> Any:
    return ((document.get("plan") or {}).get(key) or {}).get("value")
