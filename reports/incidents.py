"""What a report says of the incidents of a run: what happened, how many it hit, what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from loadgen.plan.incidents import COME_BACK, CUT_BY_THE_SERVER, IncidentKind
from reports import numbers
from reports.planned import incident_rows, kind_of, seconds_of, short_kind_of, way_back

_CLOSED_BY_THE_SERVER = CUT_BY_THE_SERVER | {IncidentKind.SLOW_READERS, IncidentKind.HALF_OPEN}
# RFC 6455, 7.4.1, and IANA's registry of close codes: those that a chat server gives a reason with.
_CLOSE_CODES = {
    "1000": "normal",
    "1001": "going away",
    "1008": "policy violation",
    "1009": "too big",
    "1011": "internal error",
    "1012": "service restart",
    "1013": "try again later",
}
_STEPS = ("50", "95", "100")
_SHARES = tuple(step / 20 for step in range(1, 21))


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident in words; ``at`` and ``hit`` are empty where the run never came to it, or it hits nobody."""

    name: str
    at: str
    what: str
    hit: str
    outcomes: tuple[str, ...]
    """What became of those it hit, the most important first; what is not of the kind is not told."""
    bad: bool
    """Whether somebody who was to come back had not by the end."""


@dataclass(frozen=True, slots=True)
class Return:
    """How soon those whom an incident hit were in their rooms again; ``points`` are (seconds since then, share)."""

    name: str
    short: str
    """The name where there is less room."""
    points: tuple[tuple[float, float], ...]
    steps_s: tuple[float | None, ...]
    """When 50, 95 and 100 % were; None where it did not come to that."""


def incident_table(document: dict[str, Any]) -> Iterator[IncidentRow]:
    """The incidents of a document, in time; none in those of versions that did not tell."""
    for told, planned in _with_plan(document):
        name = kind_of(told)
        if told.get("at_s") is None:
            yield IncidentRow(name, "", _what(told, planned), "", ("the run ended before it",), bad=False)
            continue
        yield IncidentRow(
            name,
            at=numbers.seconds(told["at_s"]),
            what=_what(told, planned),
            hit="" if told["kind"] == IncidentKind.ANNOUNCEMENT else numbers.count(told.get("users_hit")),
            outcomes=tuple(_outcomes(told)),
            bad=told.get("users_back") is not None and told["users_back"] < (told.get("users_hit") or 0),
        )


def returns(document: dict[str, Any]) -> list[Return]:
    """Of each incident after which somebody came back, in time."""
    found = []
    for told in document.get("incidents") or []:
        curve = told.get("back_curve_s") or []
        points = tuple((back_s, share) for back_s, share in zip(curve, _SHARES, strict=False) if back_s is not None)
        if points and told.get("at_s") is not None:
            name, short = (
                f"{kind} at {numbers.seconds(told['at_s'])}" for kind in (kind_of(told), short_kind_of(told))
            )
            found.append(Return(name, short, points, tuple(told.get(f"back_{step}_s") for step in _STEPS)))
    return found


def _with_plan(document: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each incident beside its row of the plan; beside an empty one where the two do not match."""
    told, planned = document.get("incidents") or [], incident_rows(document)
    if [each["kind"] for each in told] != [row["kind"] for row in planned]:
        planned = [{} for _ in told]
    return list(zip(told, planned, strict=True))


def _what(told: dict[str, Any], planned: dict[str, Any]) -> str:
    """What happened, as a sentence without its capital and its full stop."""
    who = "some users" if told.get("share") is None else f"{numbers.percent(told['share'])} of the users"
    back = f"; they tried to come back {way_back(planned)}" if way_back(planned) else ""
    over = _over(told)
    match told["kind"]:
        case IncidentKind.RECONNECT_STORM:
            return f"the sockets of {who} were cut{over}{back}"
        case IncidentKind.HERD_JOIN:
            return f"{who} came only then,{over or ' all at once'}"
        case IncidentKind.ABRUPT_CLOSE:
            return f"the sockets of {who} were cut without a close frame{over}"
        case IncidentKind.HALF_OPEN:
            return f"{who} fell silent, and their sockets stayed open{over}{back}"
        case IncidentKind.SLOW_READERS:
            return f"{who} {_reading(planned.get('bytes_per_s'))}{over}"
        case IncidentKind.TOKEN_EXPIRY:
            return f"the tokens of the users ran out{back}"
        case IncidentKind.SERVER_RESTART:
            down_s = seconds_of(planned.get("down"))
            later = f" {numbers.round_duration(down_s * 1000)} later" if down_s else ""
            return f"the server was {'killed' if planned.get('kill') else 'ended'}, and started again{later}{back}"
        case IncidentKind.OUTAGE:
            return f"whoever was cut off{over} was to come back{back}"
        case IncidentKind.ANNOUNCEMENT:
            return f"one user wrote to its whole room, and {who} answered{over}"
        case _:
            return ""


def _reading(bytes_per_s: int | None) -> str:
    if bytes_per_s is None:
        return "read slowly, or not at all"
    return f"read {numbers.count(bytes_per_s)} bytes a second" if bytes_per_s else "stopped reading"


def _over(told: dict[str, Any]) -> str:
    at_s, until_s = told.get("at_s"), told.get("until_s")
    return "" if at_s is None or until_s is None else f" within {numbers.round_duration((until_s - at_s) * 1000)}"


def _outcomes(told: dict[str, Any]) -> Iterator[str]:
    kind, hit_count = told["kind"], told.get("users_hit")
    closed_count = sum((told.get("closes") or {}).values())
    if kind == IncidentKind.ANNOUNCEMENT:
        yield f"{numbers.count(hit_count)} answered"
    elif kind == IncidentKind.ABRUPT_CLOSE and hit_count:
        yield "they stayed away"
    elif not hit_count:
        yield numbers.NO_DATA if hit_count is None else _nobody(kind)
    elif kind in COME_BACK:
        yield _back(told)
    if hit_count and (closed_count or kind in _CLOSED_BY_THE_SERVER):
        yield _closed(told, closed_count)
    if hit_count and told.get("messages_missed") is not None:
        yield _missed(told)
    if hit_count and kind in COME_BACK:
        yield _rush(told)
    if kind == IncidentKind.SERVER_RESTART:
        yield _served_again(told)


def _nobody(kind: str) -> str:
    return "the server closed no socket" if kind in CUT_BY_THE_SERVER else "nobody was there to be hit"


def _served_again(told: dict[str, Any]) -> str:
    if told.get("until_s") is None:
        return "the server was not up again by the end"
    return f"the server was up again after {_seconds(told['until_s'] - told['at_s'])}"


def _back(told: dict[str, Any]) -> str:
    """``248 of 250 back: 50 % after 820 ms, 95 % after 2.10 s, 2 not by the end``."""
    hit_count, back_count = told["users_hit"], told.get("users_back")
    there = "in" if told["kind"] == IncidentKind.HERD_JOIN else "back"
    if back_count is None:
        return f"{there}: {numbers.NO_DATA}"
    missing = hit_count - back_count
    late = [f"{numbers.count(missing)} not by the end"] if missing > 0 else []
    return _with_steps(f"{_part(back_count, hit_count)} {there}", [*_steps(told, "back"), *late])


def _closed(told: dict[str, Any], closed_count: int) -> str:
    if not closed_count:
        return "the server closed none of their sockets"
    closes = sorted(told["closes"].items(), key=lambda close: -close[1])
    codes = ", ".join(f"{numbers.count(count)} {_code(code)}" for code, count in closes)
    how = f" {_code(closes[0][0])}" if len(closes) == 1 else f" ({codes})"
    told_of = f"{_part(closed_count, told['users_hit'])} closed by the server{how}"
    return _with_steps(told_of, list(_steps(told, "closed")))


def _code(code: str) -> str:
    if code == "none":
        return "without a close frame"
    meaning = _CLOSE_CODES.get(code)
    return f"with {numbers.printable(code)}" + (f" {meaning}" if meaning else "")


def _missed(told: dict[str, Any]) -> str:
    missed, recovered = told["messages_missed"], told.get("messages_recovered")
    if not missed:
        return "no delivery missed"
    read = "all" if recovered == missed else f"{numbers.count(recovered)} of them"
    return f"{numbers.count(missed)} deliveries missed, {read} received later"


def _rush(told: dict[str, Any]) -> str:
    logins, connects = told.get("logins_per_s"), told.get("connects_per_s")
    some = [f"{numbers.count(logins)} logins"] if logins else []
    return f"at most {' and '.join([*some, f'{numbers.count(connects)} connections'])} in one second"


def _steps(told: dict[str, Any], what: str) -> Iterator[str]:
    for step in _STEPS:
        after_s = told.get(f"{what}_{step}_s")
        if after_s is not None:
            yield f"{step} % after {_seconds(after_s)}"


def _with_steps(text: str, steps: list[str]) -> str:
    return f"{text}: {', '.join(steps)}" if steps else text


def _part(count: int, whole: int) -> str:
    return f"all {numbers.count(whole)}" if count == whole else f"{numbers.count(count)} of {numbers.count(whole)}"


def _seconds(value_s: float) -> str:
    return numbers.duration(value_s * 1000)
