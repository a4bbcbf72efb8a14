"""When an incident comes, and how the document shows it."""

from __future__ import annotations

import pytest

from loadgen.plan.incidents import Backoff, Incident, IncidentKind
from loadgen.plan.pacing import NS_PER_S
from scenarios.settle import settle
from tests.support.settled import Write, complaint, plan_of, row

STORM = IncidentKind.RECONNECT_STORM


@pytest.mark.parametrize(
    ("text", "storm"),
    [
        ('kind = "reconnect_storm"', Incident(STORM, 10 * NS_PER_S, 0.5, backoff=Backoff.EXPONENTIAL_JITTER)),
        (
            'kind = "reconnect_storm"\nat = "25%"\nshare = 1\nbackoff = "none"',
            Incident(STORM, 5 * NS_PER_S, 1.0, backoff=Backoff.NONE),
        ),
        (
            'kind = "reconnect_storm"\nat = "19s"\nbackoff = "constant"',
            Incident(STORM, 19 * NS_PER_S, 0.5, backoff=Backoff.CONSTANT),
        ),
        ('kind = "reconnect_storm"\nat = "0s"', Incident(STORM, 0, 0.5, backoff=Backoff.EXPONENTIAL_JITTER)),
    ],
)
def test_an_incident_comes_in_the_measured_window(write: Write, text: str, storm: Incident) -> None:
    """After a share of it, or a time from its start."""
    settled = settle(write(f'[phases]\nmeasure = "20s"\n[[incident]]\n{text}\n'), {}, {})

    assert plan_of(settled).incidents == (storm,)
    assert row(settled, "incident")[1] == "file"


def test_the_document_shows_an_incident_as_it_was_written(write: Write) -> None:
    """With its defaults."""
    settled = settle(write('[[incident]]\nkind = "reconnect_storm"\nat = "5s"\n'), {}, {})

    assert row(settled, "incident")[0] == [
        {
            "at": "5s",
            "kind": "reconnect_storm",
            "share": 0.5,
            "within": "0s",
            "backoff": "exponential_jitter",
            "bytes_per_s": None,
            "down": None,
            "kill": None,
        }
    ]


def test_an_incident_comes_in_the_window_that_stages_make(write: Write) -> None:
    """Its half is that of their sum."""
    scenario = write('[users]\nstages = ["30s:5", "10s:5"]\n[[incident]]\nkind = "reconnect_storm"\n')

    assert plan_of(settle(scenario, {}, {})).incidents[0].at_ns == 20 * NS_PER_S


@pytest.mark.parametrize("at", ["30s", "1h", "100%"])
def test_an_incident_after_the_measured_window_is_refused(write: Write, at: str) -> None:
    """It would never come."""
    text = f'[[incident]]\nkind = "reconnect_storm"\n[[incident]]\nkind = "reconnect_storm"\nat = "{at}"\n'

    assert complaint(write(text)) == (
        f'mine.toml: incident[1].at: expected a time before the end of the measured window (30s), got "{at}"'
    )
