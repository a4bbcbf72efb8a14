"""What the plan of a document says, in seconds and users."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reports.charts import charts_of
from reports.planned import incidents, seconds_of, users_over_time
from tests.support.documents import a_document

STAGES = [{"count": 100, "within": "4s"}, {"count": 300, "within": 6}, {"count": 0, "within": None}]


def a_staged_document() -> dict[str, Any]:
    document = a_document()
    document["plan"]["users.stages"] = {"value": STAGES, "origin": "file"}
    return document


@pytest.mark.parametrize(
    ("text", "value_s"),
    [("90s", 90.0), ("1h30m", 5_400.0), ("500ms", 0.5), (7, 7.0), (1.5, 1.5), ("soon", None), (None, None)],
)
def test_a_length_of_time_is_read_as_plans_write_it(text: object, value_s: float | None) -> None:
    """Or as a number of seconds; anything else is not known."""
    assert seconds_of(text) == value_s


def test_stages_have_corners_from_the_beginning_of_the_window_on() -> None:
    """Each takes its time from the end of the one before; a stage without a length is at once."""
    document = a_staged_document()
    start_s = next(phase["start_s"] for phase in document["phases"] if phase["name"] == "measure")

    assert users_over_time(document) == [(start_s, 0), (start_s + 4, 100), (start_s + 10, 300), (start_s + 10, 0)]
    assert users_over_time(document | {"phases": []}) == []
    assert users_over_time(a_document()) == []


def test_the_chart_of_connections_has_how_many_there_should_be() -> None:
    """A line where stages say so, which begins with the window, and else a limit."""
    staged, plain = (
        next(chart for chart in charts_of(document) if chart.name == "connections").panels[0]
        for document in (a_staged_document(), a_document())
    )
    (planned,) = [series for series in staged.series if series.name == "planned"]

    assert np.isnan(planned.values[0])
    assert float(np.nanmax(planned.values)) > 200
    assert not staged.limits
    assert not [series for series in plain.series if series.name == "planned"]
    assert [limit.text for limit in plain.limits] == ["planned: 500"]


def test_an_incident_after_the_end_of_its_window_did_not_happen() -> None:
    """In a document that tells of none the plan does; a run that was cut short did not come to all of them."""
    document = a_document()
    document.pop("incidents", None)
    rows = [{"kind": "reconnect_storm", "at": "1s", "share": 0.5}, {"kind": "herd_join", "at": "50s", "share": 0.5}]
    document["plan"]["incident"] = {"value": rows, "origin": "file"}

    assert [incident.names[0] for incident in incidents(document)] == ["reconnect storm, 50 %"]
