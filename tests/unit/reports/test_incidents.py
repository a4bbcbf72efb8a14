"""What is said of the incidents of a run."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from reports import markdown, page, terminal
from reports.incidents import IncidentRow, incident_table, returns
from reports.planned import incidents
from tests.support.documents import (
    a_document,
    a_document_of_five_storms,
    a_storm_document,
    an_incident,
    an_incidents_document,
    came_back,
)


def row_of(incident: dict[str, Any], **planned: Any) -> IncidentRow:
    """What is said of one incident alone, whose row of the plan has these values beside kind and time."""
    document = a_document(incidents=[incident])
    if planned:
        value = [{"kind": incident["kind"], "at": "10s"} | planned]
        document["plan"]["incident"] = {"value": value, "origin": "file"}
    (row,) = incident_table(document)
    return row


def test_each_kind_is_told_by_what_is_its_own() -> None:
    """What happened, to how many, and what became of them; nothing that does not apply, and nothing twice."""
    told = [(row.name, row.at, row.hit, row.outcomes) for row in incident_table(an_incidents_document())]

    assert told == [
        (
            "herd join",
            "9.0 s",
            "250",
            (
                "all 250 in: 50 % after 2.60 s, 95 % after 4.85 s, 100 % after 5.10 s",
                "at most 60 logins and 140 connections in one second",
            ),
        ),
        ("announcement", "11.0 s", "", ("50 answered",)),
        (
            "reconnect storm",
            "15.0 s",
            "250",
            (
                "245 of 250 back: 50 % after 800 ms, 95 % after 5.86 s, 5 not by the end",
                "20,400 deliveries missed, 20,388 of them received later",
                "at most 140 connections in one second",
            ),
        ),
        (
            "slow readers",
            "15.0 s",
            "50",
            (
                "all 50 closed by the server without a close frame: "
                "50 % after 4.20 s, 95 % after 4.90 s, 100 % after 5.00 s",
            ),
        ),
        ("abrupt close", "17.0 s", "25", ("they stayed away",)),
        (
            "half open",
            "18.5 s",
            "250",
            (
                "all 250 back: 50 % after 400 ms, 95 % after 1.84 s, 100 % after 2.00 s",
                "the server closed none of their sockets",
                "no delivery missed",
                "at most 140 connections in one second",
            ),
        ),
        (
            "token expiry",
            "21.0 s",
            "250",
            (
                "all 250 back: 50 % after 900 ms, 95 % after 1.71 s, 100 % after 1.80 s",
                "all 250 closed by the server with 1008 policy violation: "
                "50 % after 20.0 ms, 95 % after 30.0 ms, 100 % after 40.0 ms",
                "at most 190 logins and 140 connections in one second",
            ),
        ),
        (
            "server restart",
            "24.0 s",
            "250",
            (
                "all 250 back: 50 % after 2.20 s, 95 % after 3.73 s, 100 % after 3.90 s",
                "all 250 closed by the server (247 with 1012 service restart, 3 without a close frame): "
                "50 % after 100 ms, 95 % after 200 ms, 100 % after 200 ms",
                "at most 140 connections in one second",
                "the server was up again after 1.30 s",
            ),
        ),
        ("reconnect storm", "", "", ("the run ended before it",)),
    ]


@pytest.mark.parametrize(
    ("incident", "planned", "what"),
    [
        (
            an_incident("reconnect_storm", share=0.5, until_s=21.0),
            {"backoff": "constant"},
            "the sockets of 50 % of the users were cut within 3 s; they tried to come back 3 s later",
        ),
        (an_incident("herd_join", share=0.2), {"within": "0s"}, "20 % of the users came only then, all at once"),
        (an_incident("slow_readers", share=0.1), {"bytes_per_s": 0}, "10 % of the users stopped reading"),
        (an_incident("slow_readers", share=0.1), {}, "10 % of the users read slowly, or not at all"),
        (
            an_incident("server_restart", until_s=19.5),
            {"kill": True, "down": "1500ms", "backoff": "none"},
            "the server was killed, and started again 1.5 s later; they tried to come back at once",
        ),
        (an_incident("token_expiry"), {}, "the tokens of the users ran out"),
        (
            an_incident("announcement", share=0.1, until_s=23.0),
            {},
            "one user wrote to its whole room, and 10 % of the users answered within 5 s",
        ),
    ],
)
def test_what_happened_is_said_with_what_the_plan_knows(
    incident: dict[str, Any], planned: dict[str, Any], what: str
) -> None:
    """Where plan and document do not match, with what the document knows."""
    assert row_of(incident, **planned).what == what


def test_a_server_that_did_not_come_back_is_said_to_be_down() -> None:
    """The run ended before it was up again."""
    assert "the server was not up again by the end" in row_of(an_incident("server_restart")).outcomes


def test_the_same_instant_written_in_two_ways_finds_its_rows() -> None:
    """Incidents of the document come in time, those of the plan as they stand in the file."""
    document = a_document(
        incidents=[an_incident("slow_readers", 13.0, share=0.1), an_incident("reconnect_storm", share=0.5)]
    )
    storm = {"kind": "reconnect_storm", "at": "50%", "backoff": "none"}
    document["plan"]["incident"]["value"] = [storm, {"kind": "slow_readers", "at": "5s", "bytes_per_s": 64}]
    slow, stormy = (row.what for row in incident_table(document))

    assert "read 64 bytes a second" in slow
    assert "come back at once" in stormy


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("token_expiry", "the server closed no socket"),
        ("reconnect_storm", "nobody was there to be hit"),
        ("abrupt_close", "nobody was there to be hit"),
        ("announcement", "0 answered"),
    ],
)
def test_an_incident_that_hit_nobody_says_so(kind: str, outcome: str) -> None:
    """A server that lets everybody stay after the end of their tokens is a finding."""
    row = row_of(an_incident(kind, users_hit=0, users_back=0))

    assert (row.outcomes, row.bad) == ((outcome,), False)


def test_what_was_not_measured_is_no_data() -> None:
    """Neither nobody nor everybody."""
    row = row_of(an_incident("reconnect_storm", share=0.5, users_hit=None))

    assert (row.hit, row.outcomes, row.bad) == ("no data", ("no data",), False)
    back, rush = row_of(an_incident("reconnect_storm", share=0.5)).outcomes
    assert (back, rush) == ("back: no data", "at most no data connections in one second")


def test_a_server_that_never_notices_has_closed_none() -> None:
    """Of those who read slowly and those who fell silent that is the figure that matters."""
    assert row_of(an_incident("slow_readers", share=0.1)).outcomes == ("the server closed none of their sockets",)


def test_who_is_not_back_is_a_failure() -> None:
    """Two of two hundred and fifty, in the colour of what is bad."""
    assert row_of(an_incident("half_open", share=0.5, **came_back(0.1, 0.2, 0.3, share=0.98))).bad
    assert not row_of(an_incident("half_open", share=0.5, **came_back(0.1, 0.2, 0.3))).bad


def test_a_kind_of_a_later_version_is_named() -> None:
    """An older report of a newer run says what it can."""
    row = row_of(an_incident("solar_flare", closes={"4001": 3}))

    assert (row.name, row.what) == ("solar flare", "")
    assert row.outcomes == ("3 of 250 closed by the server with 4001",)


def test_only_returns_that_happened_have_a_line() -> None:
    """Not those of kinds without one, nor of an incident after the end."""
    found = returns(an_incidents_document())

    assert [each.short for each in found] == [
        *("herd at 9.0 s", "storm at 15.0 s", "half-open at 18.5 s", "expiry at 21.0 s", "restart at 24.0 s"),
    ]
    assert found[1].steps_s[2] is None
    assert found[1].points[-1][1] == 0.95


def test_marks_are_those_of_the_document() -> None:
    """It knows when each began, and when it was over."""
    marks = incidents(an_incidents_document())

    assert len(marks) == 8
    assert (marks[0].at_s, marks[0].until_s, marks[0].names[0]) == (9.0, 14.0, "herd join, 50 %")
    assert (marks[-1].until_s, marks[-1].names) == (25.3, ("server restart", "restart"))


def test_an_older_document_has_the_marks_of_its_plan() -> None:
    """A run of before, and one that goes on without a word of its incidents."""
    document = a_storm_document()
    document["plan"]["incident"]["value"].append({"at": "2s", "kind": "herd_join", "share": None, "within": "3s"})
    herd, storm = incidents(document)

    assert (herd.at_s, herd.until_s, herd.names) == (10.0, 13.0, ("herd join", "herd"))
    assert (storm.at_s, storm.until_s) == (18.0, None)
    assert storm.names == ("reconnect storm, 50 %", "storm 50 %", "storm")


@pytest.mark.parametrize("document", [a_storm_document(), a_document(), {}])
def test_a_document_of_before_has_no_table(document: dict[str, Any]) -> None:
    """There is nothing to show, and every report can be drawn again."""
    out = io.StringIO()
    terminal.print_summary(document, console=Console(file=out, width=80))

    assert list(incident_table(document)) == []
    assert "what became of them" not in markdown.render(document)
    assert "<h2>Incidents</h2>" not in page.render(document, plots=False)
    assert "users hit" not in out.getvalue()


def test_a_terminal_tells_of_each_incident_in_two_lines() -> None:
    """What matters most of it; the rest is in the report."""
    out = io.StringIO()
    terminal.print_summary(a_document_of_five_storms(), console=Console(file=out, width=80))
    lines = [line.strip() for line in out.getvalue().splitlines()]

    at = lines.index("reconnect storm at 10.0 s: 10 users hit")
    assert lines[at + 1] == "all 10 back: 50 % after 20.0 ms, 95 % after 83.0 ms, 100 % after 90.0 ms"
    assert lines[at + 2] == "reconnect storm at 14.0 s: 10 users hit"


def test_a_comment_has_a_line_for_each_incident() -> None:
    """What happened, and what became of them."""
    text = markdown.render(an_incidents_document())

    assert (
        "| **abrupt close** the sockets of 5.0 % of the users were cut without a close frame within 1 s "
        "| 17.0 s | 25 | they stayed away |" in text
    )
    assert "; 20,400 deliveries missed, " in text


def test_a_page_has_the_table_before_the_pictures() -> None:
    """And the picture of those who came back below the table, apart from those of every run."""
    text = page.render(an_incidents_document())
    table, back, first = (
        text.index(words) for words in ("<h2>Incidents</h2>", "<h2>How soon they were back", "<h2>Delivery time over")
    )

    assert table < back < first
    assert text.count("<h2>How soon they were back") == 1
    assert "How soon they were back" not in page.render(an_incidents_document(), plots=False)


def test_names_from_a_file_are_text() -> None:
    """A document may come from anywhere."""
    evil = "<script>alert(1)</script>"
    text = page.render(a_document(incidents=[an_incident(evil, closes={evil: 2})]))

    assert "<script>alert" not in text


def test_an_outage_is_told_by_who_was_to_come_back() -> None:
    """It hits nobody by itself."""
    assert "whoever was cut off" in row_of(an_incident("outage"), backoff="none").what
