"""Locust's own tables, with seconds of ours in them: every output shows the same, and nothing else is disturbed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
PROGRAM = "tests.support.locust_tables"

A_SECOND = {"login": 2, "connect": 1, "join": 1, "send": 10, "ack": 1, "delivery": 103, "connection": 1}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """All that the program has to say, of one start of Locust."""
    ended = subprocess.run(
        [sys.executable, "-m", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert ended.returncode == 0, ended.stderr
    said: dict[str, Any] = json.loads(ended.stdout)
    return said


def requests(table: dict[str, Any]) -> dict[str, int]:
    """How many requests each row has; those without any left out, as Locust leaves them out of what it writes."""
    return {name: row["requests"] for name, row in table["rows"].items() if row["requests"]}


def test_each_row_is_in_locusts_table(told: dict[str, Any]) -> None:
    """Times to a tenth of a ms; what has none is counted beside them."""
    table = told["outputs"]["table"]

    assert requests(table) == A_SECOND | {"Aggregated": sum(A_SECOND.values())}
    assert table["rows"]["delivery"] == {
        "type": "WS",
        "requests": 103,
        "untimed": 3,
        "failures": 3,
        "average_ms": pytest.approx(14.998),
        "median_ms": 12.3,
        "p99_ms": pytest.approx(147.2, abs=0.2),
        "min_ms": 12.3,
        "max_ms": 147.2,
    }
    assert table["rows"]["login"]["type"] == "HTTP"
    assert table["failures"] == {
        "HTTP login: http_4xx: HTTP 401: who are you?": 1,
        "WS connection: close_1006: close code 1006 ''": 1,
        "WS delivery: lost": 3,
    }


def test_the_aggregated_row_has_the_times_of_deliveries(told: dict[str, Any]) -> None:
    """A login of 900 ms is not in its average."""
    rows = told["outputs"]["table"]["rows"]

    times = ("average_ms", "median_ms", "p99_ms", "min_ms", "max_ms")
    assert [rows["Aggregated"][name] for name in times] == [rows["delivery"][name] for name in times]
    assert rows["Aggregated"]["failures"] == 5


def test_the_web_ui_is_given_the_rows(told: dict[str, Any]) -> None:
    """What its tables are drawn from is sound JSON, sorted by Locust."""
    web = told["outputs"]["web"]

    assert [row["name"] for row in web["stats"]] == [*sorted(A_SECOND), "Aggregated"]
    assert {row["name"]: row["num_requests"] for row in web["stats"][:-1]} == A_SECOND
    assert {failure["error"]: failure["occurrences"] for failure in web["errors"]}["lost"] == 3
    assert web["fail_ratio"] == pytest.approx(5 / 119)


def test_csv_html_json_and_console_show_the_rows(told: dict[str, Any]) -> None:
    """Whoever reads Locust's files finds what its page shows."""
    outputs = told["outputs"]

    assert {name: int(row["Request Count"]) for name, row in outputs["csv"].items()} == requests(outputs["table"])
    assert outputs["csv"]["delivery"]["50%"] == "12", "Locust cuts to whole ms"
    assert outputs["failures_csv"]["lost"]["Occurrences"] == "3"
    assert {row["name"]: row["num_requests"] for row in outputs["json"]} == A_SECOND
    (times,) = (row["response_times"] for row in outputs["json"] if row["name"] == "delivery")
    assert sum(times.values()) == 100
    assert {row["name"]: row["num_requests"] for row in outputs["html"]["requests_statistics"]} == requests(
        outputs["table"]
    )
    for text in ("delivery", "103", "3(2.91%)", "WS delivery: lost"):
        assert text in outputs["console"]


def test_the_charts_follow_what_happens_now(told: dict[str, Any]) -> None:
    """They show about the last 10 seconds, from the copies of earlier ones that Locust keeps meanwhile."""
    charts = told["change"]["charts"]

    assert [p50 for p50, _ in charts[1:15]] == [10] * 14
    assert [rate for _, rate in charts[12:15]] == [100] * 3
    assert [p50 for p50, _ in charts[-5:]] == [50] * 5
    assert charts[-1][1] == 200
    assert told["change"]["copies"] == 20, "Locust forgets what is older"


def test_a_rate_does_not_jump_as_reports_drift(told: dict[str, Any]) -> None:
    """A report each 1.07 s leaves out a second of the clock now and then; 1,000 a second stay that."""
    assert told["drift"] == pytest.approx([1000] * len(told["drift"]), rel=0.01)


def test_failures_of_one_kind_are_one_line(told: dict[str, Any]) -> None:
    """Each second brings an example of its own; the first stays, and the line says from when to when it was seen."""
    (line,) = told["one_kind"]

    assert line["error"] == "http_5xx: HTTP 500: request 1"
    assert line["occurrences"] == 3
    assert line["last_seen"] - line["first_seen"] == 2


def test_requests_that_locust_logs_itself_stand_beside_ours(told: dict[str, Any]) -> None:
    """An HTTP user in the same run is counted as ever."""
    mixed = told["mixed"]

    assert requests(mixed) == A_SECOND | {"delivery": 104, "/": 2, "Aggregated": 122}
    assert mixed["rows"]["/"]["average_ms"] == 300
    assert mixed["rows"]["Aggregated"]["max_ms"] == 400
    assert mixed["failures"]["GET /: no such page"] == 1


def test_what_workers_merge_arrives_at_the_master(told: dict[str, Any]) -> None:
    """Sent by Locust itself, two seconds of two workers are four seconds of one."""
    assert told["sent"] == told["merged"]


@pytest.mark.parametrize("emptied", ["reset", "cleared"])
def test_tables_that_are_emptied_begin_anew(told: dict[str, Any], emptied: str) -> None:
    """Nothing of before is left, and what comes next is added as to new ones."""
    assert requests(told[emptied]) == {"delivery": 1, "Aggregated": 1}
    assert told[emptied]["failures"] == {}
    assert told[emptied]["rows"]["Aggregated"]["average_ms"] == 12.3
