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


@dataclass(frozen=True, slots=True)
class Incident:
    """What went wrong by plan; ``at_s`` counts from the start of the run."""

    at_s: float
    label: str
    short: str
    """The label where there is less room."""


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
    """Those that the run came to, in time; none where its measured window never began."""
    window = next((phase for phase in document.get("phases") or [] if phase["name"] == "measure"), None)
    if window is None:
        return []
    length_s = phase_length_s(document, "measure") or 0.0
    found = []
    for incident in _value(document, "incident") or []:
        share = re.fullmatch(r"([\d.]+)%", str(incident["at"]).strip())
        after_s = seconds_of(incident["at"]) if share is None else length_s * float(share[1]) / 100
        at_s = window["start_s"] + (after_s or 0.0)
        if window.get("end_s") is None or at_s < window["end_s"]:
            kind, share_text = _kind(incident), numbers.percent(incident["share"])
            found.append(Incident(at_s, f"{kind}, {share_text}", f"{kind.split()[-1]} {share_text}"))
    return sorted(found, key=lambda incident: incident.at_s)


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
        return ", then ".join(f"to {numbers.count(stage['count'])} within {stage['within']}" for stage in value)
    if key == "traffic.payload_bytes" and isinstance(value, list) and len(value) > 1:
        return f"{plain_text(value[:-1])} or {plain_text(value[-1])}, each as likely"
    if key == "incident" and value:
        return "; ".join(map(_incident_text, value))
    return "not set" if value is None else plain_text(value)


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
    backoff = str(incident["backoff"])
    back = _BACKOFFS.get(backoff, backoff.replace("_", " "))
    share = numbers.percent(incident["share"])
    return numbers.printable(f"{_kind(incident)} at {incident['at']}: {share} of the users, back {back}")


def _kind(incident: dict[str, Any]) -> str:
    return numbers.printable(str(incident["kind"]).replace("_", " "))


def _value(document: dict[str, Any], key: str) -> Any:
    return ((document.get("plan") or {}).get(key) or {}).get("value")
