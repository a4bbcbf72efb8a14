"""What is read of a server's own figures, and which of them are worth drawing."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.target_series import MOST_SERIES, Scrape, Wanted, note_of, parse_wanted, target_sections, value_text
from scenarios.target_metrics import NotPrometheusError, chosen_of, values_of

TOLD = """
# HELP process_open_fds Number of open file descriptors.
# TYPE process_open_fds gauge
process_open_fds 12
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.5e+07
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 3.25
# TYPE http_requests_total counter
http_requests_total{path="/",code="200"} 7
# TYPE ws_connections gauge
ws_connections{node="a"} 5
ws_connections{node="b"} 6 1700000000000
# TYPE chat_messages_total counter
chat_messages_total{room="with } and \\" in it"} 2
# TYPE connect_seconds histogram
connect_seconds_bucket{le="+Inf"} 3
connect_seconds_sum 1
connect_seconds_count 3
# TYPE broadcasts_total counter
go_goroutines 8
sessions NaN
"""


def test_the_well_known_come_first_then_connections_then_messages() -> None:
    """Counters as rates, gauges as they are; histograms, and what is named after neither, are left out."""
    assert [str(each) for each in chosen_of(TOLD)] == [
        "rate(process_cpu_seconds_total)",
        "process_resident_memory_bytes",
        "process_open_fds",
        "ws_connections",
        "sessions",
        "rate(chat_messages_total)",
        "rate(broadcasts_total)",
    ]


def test_no_more_are_chosen_than_a_picture_has_room_for() -> None:
    """And none of so many samples that nobody knows what their sum means."""
    many = "".join(f"messages_{n} {n}\n" for n in range(50))
    of_each_user = "".join(f'connections{{user="{n}"}} 1\n' for n in range(5_000))

    assert len(chosen_of(many)) == MOST_SERIES
    assert chosen_of(f"# TYPE connections gauge\n{of_each_user}open_sockets 3\n") == (Wanted("open_sockets"),)


def test_a_text_with_nothing_of_the_kind_has_nothing_to_choose() -> None:
    """It is in the format all the same."""
    assert chosen_of("go_goroutines 8\n") == ()


@pytest.mark.parametrize("text", ["", "<html><body>hello</body></html>", '{"connections": 3}', "# just words\n"])
def test_what_is_not_in_the_format_is_called_that(text: str) -> None:
    """A page that somebody took for it."""
    with pytest.raises(NotPrometheusError, match="nothing in it is in Prometheus' text format"):
        chosen_of(text)
    with pytest.raises(NotPrometheusError, match="none of the series is there"):
        values_of(text, ["connections"])


def test_the_samples_of_a_name_are_added_up() -> None:
    """Whatever their labels; what is no number is left out."""
    names = ("ws_connections", "chat_messages_total", "sessions", "connect_seconds_count", "never_there")

    assert values_of(TOLD, names) == {"ws_connections": 11, "chat_messages_total": 2, "connect_seconds_count": 3}


def test_of_a_family_only_what_was_asked_for_is_read() -> None:
    """A histogram has three kinds of samples under one name."""
    assert values_of(TOLD, ["connect_seconds_count"]) == {"connect_seconds_count": 3.0}


def test_a_line_that_cannot_be_read_is_a_scrape_that_failed() -> None:
    """Half a body, say: the connection broke."""
    with pytest.raises(NotPrometheusError):
        values_of('ws_connections{node="a"} 5\nws_connections{node="b', ["ws_connections"])


@given(st.text(alphabet=st.sampled_from('messages_total{}="\\,# TYPE counter\n 0123456789.eE+-NaInf')))
def test_whatever_a_server_answers_it_is_read_or_refused(text: str) -> None:
    """It comes from outside; nothing else than NotPrometheusError may come of it."""
    for read in (chosen_of, lambda told: values_of(told, ["messages_total", "messages"])):
        with contextlib.suppress(NotPrometheusError):
            read(text)


@pytest.mark.parametrize(
    ("text", "wanted", "unit"),
    [
        ("process_open_fds", Wanted("process_open_fds"), "number"),
        ("rate(process_cpu_seconds_total)", Wanted("process_cpu_seconds_total", is_rate=True), "ratio"),
        ("rate( a:b_bytes_total )", Wanted("a:b_bytes_total", is_rate=True), "bytes/s"),
        ("queue_bytes", Wanted("queue_bytes"), "bytes"),
        ("lag_seconds", Wanted("lag_seconds"), "s"),
        ("rate(x_total)", Wanted("x_total", is_rate=True), "1/s"),
    ],
)
def test_what_is_wanted_is_a_name_or_a_rate(text: str, wanted: Wanted, unit: str) -> None:
    """With the unit that its name says."""
    assert parse_wanted(text) == wanted
    assert wanted.unit == unit


@pytest.mark.parametrize("text", ["", "rate()", "sum(x)", "x{a=1}", "9x", "rate(x", "a b"])
def test_no_language_of_queries_is_spoken(text: str) -> None:
    """Names and rates alone."""
    with pytest.raises(ValueError, match="neither a name"):
        parse_wanted(text)


# --- in a document ------------------------------------------------------------------------------------------------


def test_a_scrape_closes_the_second_before_it() -> None:
    """At the full second, a little after it: as our own readings do."""
    scrapes = [Scrape(1.01, {"g": 5.0}), Scrape(2.02, {"g": 6.0}), Scrape(2.99, {"g": 7.0})]
    told = target_sections("http://x/metrics", [Wanted("g")], scrapes, [0.0, 1.0, 2.0, 3.0])

    assert told["target_series"] == {
        "interval_s": 1.0,
        "t_s": [0.0, 1.0, 2.0, 3.0],
        "series": [{"name": "g", "unit": "number", "values": [5.0, 6.0, 7.0, None]}],
    }


def test_where_a_scrape_failed_there_is_nothing_and_it_is_counted() -> None:
    """Neither 0 nor the value before; the rate goes on over what was not told."""
    scrapes = [
        Scrape(0.02, {"c_total": 10.0}),
        Scrape(1.0, {"c_total": 20.0}),
        Scrape(2.0, None, "timeout"),
        Scrape(3.0, {"c_total": 60.0}),
        Scrape(4.0, {"c_total": 3.0}),
        Scrape(5.0, {"c_total": 5.0}),
    ]
    wanted = [Wanted("c_total", is_rate=True)]
    told = target_sections("http://me:secret@x/metrics", wanted, scrapes, [0.0, 1.0, 2.0, 3.0, 4.0])

    assert told["target_series"]["series"][0]["values"] == [pytest.approx(10 / 0.98), None, 20.0, None, 2.0]
    assert "secret" not in told["target_metrics"].pop("url")
    assert told["target_metrics"] == {"scrapes": 6, "failed": 1, "error": "timeout"}
    assert note_of(told) == "1 of 6 scrapes failed (timeout); there the lines have gaps."


def test_nothing_is_noted_where_nobody_asked_or_all_went_well() -> None:
    """A note is read only where there are few."""
    assert note_of({}) == ""
    assert note_of(target_sections("http://x", [Wanted("g")], [Scrape(1.0, {"g": 1.0})], [0.0])) == ""


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "bytes", "no data"),
        (2.5e7, "bytes", "25.0 MB"),
        (2.5e7, "bytes/s", "25.0 MB/s"),
        (0.25, "s", "250 ms"),
        (0.5, "ratio", "50 %"),
        (40.0, "1/s", "40/s"),
    ],
)
def test_a_figure_is_told_in_its_unit(value: float | None, unit: str, text: str) -> None:
    """As all others of the report."""
    assert value_text(value, unit) == text


def test_a_counter_is_called_what_the_server_calls_it() -> None:
    """Many have no "_total" at their end; a client library adds it as it reads."""
    told = "# TYPE chat_messages counter\nchat_messages 3\n# TYPE frames counter\n"

    assert [str(each) for each in chosen_of(told)] == ["rate(chat_messages)", "rate(frames)"]
    assert values_of(told, ["chat_messages"]) == {"chat_messages": 3.0}
