"""What the document tells of each incident, and that it is null where it is not of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from loadgen.dialects.script import HistoryScript
from loadgen.measure.incident_tally import NO_CLOSE_FRAME, IncidentTally
from loadgen.measure.record import Phase, PhaseSpan, ProcessRecord, Record
from loadgen.measure.tally import PerSecond, Tally
from loadgen.plan.incidents import COME_BACK, CUT_BY_THE_SERVER, Incident, IncidentKind
from loadgen.plan.pacing import NS_PER_S
from reports.incident_figures import figures_of
from tests.support.plans import a_plan

MS = 1_000_000
ORIGIN_NS = 100 * NS_PER_S
# The measured window, of ten seconds, begins so long after the run.
WINDOW_S = 2
WATCHED = (CUT_BY_THE_SERVER - {IncidentKind.OUTAGE}) | {IncidentKind.SLOW_READERS, IncidentKind.HALF_OPEN}


def a_record(
    *incidents: Incident,
    told: Mapping[int, IncidentTally] | None = None,
    window_end_s: float | None = 12,
    has_window: bool = True,
) -> Record:
    """A run with these incidents and what was counted of each, which ended so long after it began."""
    plan = a_plan()
    history = HistoryScript(send="HISTORY {room}", frame="LOG", catch_up="HISTORY {room} {after}")
    plan = replace(
        plan,
        dialect=replace(plan.dialect, history=history),
        measure_ns=10 * NS_PER_S,
        incidents=tuple(replace(incident, number=number) for number, incident in enumerate(incidents)),
    )
    tally = Tally(ORIGIN_NS)
    tally.incidents.update(told or {})
    end_ns = None if window_end_s is None else ORIGIN_NS + round(window_end_s * NS_PER_S)
    window = PhaseSpan(Phase.MEASURE, ORIGIN_NS + WINDOW_S * NS_PER_S, end_ns)
    phases = [PhaseSpan(Phase.CONNECT, ORIGIN_NS, window.start_ns), *([window] if has_window else [])]
    return Record(plan, tally, ProcessRecord(1), phases)


def came_back(hit_count: int, *times_ms: int) -> IncidentTally:
    """So many were hit, and some were back after these times."""
    told = IncidentTally(hit_count=hit_count)
    for time_ms in times_ms:
        told.back.record(time_ms * MS)
    return told


def a_storm(at_s: float = 1.0, share: float = 0.5) -> Incident:
    """One of no importance."""
    return Incident(IncidentKind.RECONNECT_STORM, round(at_s * NS_PER_S), share)


def test_incidents_are_told_in_time_whatever_their_order_in_the_file() -> None:
    """Each with what was counted of it; of two at one time the first of the file comes first."""
    record = a_record(
        a_storm(5, share=0.1),
        a_storm(1, share=0.2),
        a_storm(5, share=0.3),
        told={number: came_back(number + 1) for number in range(3)},
    )

    told = [(each["share"], each["users_hit"], each["at_s"]) for each in figures_of(record)]
    assert told == [(0.2, 2, 3.0), (0.1, 1, 7.0), (0.3, 3, 7.0)]


def test_a_share_of_those_whom_it_hit_is_reached_when_so_many_were_back() -> None:
    """At the time of the one who made up the share; its curve has a point for each twentieth."""
    (figures,) = figures_of(a_record(a_storm(), told={0: came_back(20, *range(10, 210, 10))}))

    assert figures["users_back"] == figures["users_hit"] == 20
    assert figures["back_50_s"] == pytest.approx(0.1, rel=0.001)
    assert figures["back_95_s"] == pytest.approx(0.19, rel=0.001)
    assert figures["back_100_s"] == pytest.approx(0.2, rel=0.001)
    assert figures["back_curve_s"] == pytest.approx([step / 100 for step in range(1, 21)], rel=0.001)


def test_a_share_that_was_never_reached_is_null() -> None:
    """Of those whom it hit, not of those who came back."""
    (figures,) = figures_of(a_record(a_storm(), told={0: came_back(10, 30, 20, 40, 10, 50, 60)}))

    assert figures["back_50_s"] == pytest.approx(0.05, rel=0.001)
    assert figures["back_95_s"] is figures["back_100_s"] is None
    assert figures["back_curve_s"][11] == pytest.approx(0.06, rel=0.001)
    assert figures["back_curve_s"][12:] == [None] * 8


def test_of_nobody_no_share_is_reached() -> None:
    """An incident that hit nobody has no time at which half of them were back."""
    (figures,) = figures_of(a_record(a_storm()))

    assert (figures["users_hit"], figures["users_back"], figures["back_50_s"]) == (0, 0, None)
    assert figures["back_curve_s"] == [None] * 20


@pytest.mark.parametrize("kind", IncidentKind)
def test_what_is_not_of_a_kind_is_null(kind: IncidentKind) -> None:
    """Not 0, and not left out."""
    (figures,) = figures_of(a_record(Incident(kind, NS_PER_S, 0.5), told={0: came_back(1, 10)}))

    nulls = {name for name, value in figures.items() if value is None}
    wanted: set[str] = {"until_s"}
    if kind not in COME_BACK:
        wanted |= {"users_back", "back_50_s", "back_95_s", "back_100_s", "back_curve_s"}
    if kind not in COME_BACK or kind is IncidentKind.HERD_JOIN:
        wanted |= {"messages_missed", "messages_recovered"}
    if kind in CUT_BY_THE_SERVER:
        wanted |= {"share"}
    # Nobody was closed yet: where it might have been, the times are not reached.
    wanted |= {"closed_50_s", "closed_95_s", "closed_100_s"}
    assert nulls == wanted
    assert figures["closes"] == {}


@pytest.mark.parametrize("kind", IncidentKind)
def test_when_the_server_closed_is_told_where_it_does(kind: IncidentKind) -> None:
    """With each close code, and "none" for a connection that ended without one."""
    told = IncidentTally(hit_count=4)
    for time_ms in (10, 20, 30):
        told.closed.record(time_ms * MS)
    told.closes.update({4401: 1, NO_CLOSE_FRAME: 2})
    (figures,) = figures_of(a_record(Incident(kind, NS_PER_S, 0.5), told={0: told}))

    times = (figures["closed_50_s"], figures["closed_95_s"], figures["closed_100_s"])
    assert times == ((pytest.approx(0.02, rel=0.001), None, None) if kind in WATCHED else (None, None, None))
    assert figures["closes"] == {"none": 2, "4401": 1}


def test_messages_missed_are_told_only_where_there_is_a_history_to_read() -> None:
    """Elsewhere nothing can be recovered, and nothing is looked up."""
    told = came_back(3, 10)
    told.missed_count, told.recovered_count = 7, 5
    record = a_record(a_storm(), told={0: told})
    (with_history,) = figures_of(record)
    record.plan = replace(record.plan, dialect=replace(record.plan.dialect, history=None))
    (without,) = figures_of(record)

    assert (with_history["messages_missed"], with_history["messages_recovered"]) == (7, 5)
    assert without["messages_missed"] is without["messages_recovered"] is None


NOT_COME_TO: Mapping[str, Any] = {
    "no_window": {"has_window": False},
    "ended_before": {"window_end_s": 2.5},
    "ended_as_it_was_to_begin": {"window_end_s": 3},
}


@pytest.mark.parametrize("how", NOT_COME_TO)
def test_an_incident_that_the_run_never_came_to_has_no_time(how: str) -> None:
    """It stands there all the same, and has hit nobody."""
    (figures,) = figures_of(a_record(a_storm(1), **NOT_COME_TO[how]))

    assert (figures["kind"], figures["users_hit"]) == ("reconnect_storm", 0)
    assert figures["at_s"] is figures["until_s"] is figures["logins_per_s"] is figures["connects_per_s"] is None


def test_while_the_window_is_open_its_incidents_have_their_times() -> None:
    """A snapshot tells when they are to come, too."""
    first, second = figures_of(a_record(a_storm(1), a_storm(9), window_end_s=None))

    assert (first["at_s"], second["at_s"]) == (3.0, 11.0)


def test_the_end_is_that_of_its_spread_or_of_the_restart() -> None:
    """And null where it is over at once, or the server has not come back."""
    spread = Incident(IncidentKind.ABRUPT_CLOSE, NS_PER_S, 0.5, 1500 * MS)
    restart = Incident(IncidentKind.SERVER_RESTART, 4 * NS_PER_S, down_ns=NS_PER_S)
    record = a_record(spread, restart)
    ends = [[each["until_s"] for each in figures_of(record)]]
    record.target_back_ns = ORIGIN_NS + 8 * NS_PER_S
    ends.append([each["until_s"] for each in figures_of(record)])

    assert ends == [[4.5, None], [4.5, 8.0]]


def test_the_busiest_second_is_that_between_an_incident_and_the_next() -> None:
    """From the second it began in; of two in one second each has that second."""
    record = a_record(a_storm(1), a_storm(3), a_storm(3.2))
    logins = {2: 50, 3: 4, 4: 9, 5: 2, 8: 7}
    for second, count in logins.items():
        record.tally.seconds[second][PerSecond.LOGINS] = count
        record.tally.seconds[second][PerSecond.CONNECTS] = 2 * count

    told = [(each["logins_per_s"], each["connects_per_s"]) for each in figures_of(record)]
    assert told == [(9, 18), (2, 4), (7, 14)]


def test_a_second_in_which_nothing_happened_is_one_of_none() -> None:
    """It was counted, and nobody came."""
    (figures,) = figures_of(a_record(a_storm()))

    assert (figures["logins_per_s"], figures["connects_per_s"]) == (0, 0)
