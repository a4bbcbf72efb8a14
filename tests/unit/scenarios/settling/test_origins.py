"""Where a value comes from: flag beats environment beats file beats default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from loadgen.plan.payload_sizes import LogNormal, OneOf, PayloadBytes
from scenarios.layers import FLAGS, flags_typed
from scenarios.settle import settle
from tests.support.settled import Write, expressions, plan_of, row


def test_flag_beats_environment_beats_file_beats_default(write: Write) -> None:
    """And the document can say of each value where it comes from."""
    environ = {"CHATBENCH_USERS": "30"}
    flags = {"users.count": "40"}

    assert row(settle(write(""), {}, {}), "users.count") == (500, "default")
    scenario = write("[users]\ncount = 20\n")
    assert row(settle(scenario, {}, {}), "users.count") == (20, "file")
    assert row(settle(scenario, {}, environ), "users.count") == (30, "env")
    assert row(settle(scenario, flags, environ), "users.count") == (40, "flag")
    assert settle(scenario, flags, environ).plan_for(("http://x",), "abcdef").user_count == 40


_VALUES: dict[str, tuple[str, Any]] = {
    "target.url": ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    "target.dialect": ("reference", "reference"),
    "target.insecure": ("true", True),
    "target.proxy": ("http://ann:secret@127.0.0.1:3128", "http://ann:***@127.0.0.1:3128"),
    "users.count": ("7", 7),
    "users.connect_rate_per_s": ("7.5", 7.5),
    "users.rooms.count": ("3", 3),
    "users.stages": ("10s:7 1m:2", [{"within": "10s", "count": 7}, {"within": "1m", "count": 2}]),
    "users.file": ("users.csv", "users.csv"),
    "users.tokens_file": ("tokens.txt", "tokens.txt"),
    "traffic.loop": ("closed", "closed"),
    "traffic.rate_per_s": ("7", 7),
    "traffic.payload_bytes": ("77", 77),
    "traffic.deadline": ("7s", "7s"),
    "phases.warmup": ("0s", "0s"),
    "phases.measure": ("90s", "90s"),
    "phases.drain": ("1m", "1m"),
    "run.seed": ("7", 7),
    "run.processes": ("2", 2),
    "run.transport": ("websockets", "websockets"),
    "run.out": ("out", "out"),
    "run.force": ("true", True),
    "run.html": ("false", False),
    "run.plots": ("false", False),
    "run.print_json": ("true", True),
    "run.quiet": ("true", True),
    "run.events": ("events.ndjson", "events.ndjson"),
    "run.prometheus_port": ("9464", 9464),
    "run.web": ("auto", "auto"),
    "target.metrics_url": ("http://127.0.0.1:8000/metrics", "http://127.0.0.1:8000/metrics"),
    "run.abort_on_fail": ("true", True),
}


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.key in _VALUES], ids=lambda flag: flag.name)
def test_every_flag_has_a_variable_that_does_the_same(here: Path, flag: Any) -> None:
    """One table knows them all, so that none is forgotten."""
    (here / "users.csv").write_text("ann,secret\n", encoding="utf-8")
    (here / "tokens.txt").write_text("abc\n", encoding="utf-8")
    text, value = _VALUES[flag.key]

    by_variable = settle("smoke", {}, {flag.variable: text})
    by_flag = settle("smoke", {flag.key: text}, {flag.variable: text})

    assert row(by_variable, flag.key) == (value, "env")
    assert row(by_flag, flag.key) == (value, "flag")
    assert by_variable.scenario == by_flag.scenario


@pytest.mark.parametrize(
    ("written", "settled"),
    [
        ("300", 300),
        ("[100, 1000]", OneOf((100, 1000))),
        ("{ median = 120 }", LogNormal(120, 1.0, 20_000)),
        ("{ median = 120.5, sigma = 0, most = 121 }", LogNormal(120.5, 0, 121)),
    ],
)
def test_texts_have_one_length_or_several(write: Write, written: str, settled: PayloadBytes) -> None:
    """A number, a list or a table; and a number by flag beats each of them."""
    scenario = write(f"[traffic]\npayload_bytes = {written}")

    assert plan_of(settle(scenario, {}, {})).payload_bytes == settled
    by_flag = settle(scenario, {"traffic.payload_bytes": "77"}, {})
    assert plan_of(by_flag).payload_bytes == 77
    assert [key for key in by_flag.rows if "payload" in key] == ["traffic.payload_bytes"]


def test_texts_are_words_unless_they_are_not_to_be_compressed(write: Write) -> None:
    """Chat shrinks; pictures in base64 do not."""
    assert plan_of(settle(write("[traffic]"), {}, {})).compressible
    assert not plan_of(settle(write("[traffic]\ncompressible = false"), {}, {})).compressible


def test_no_flag_is_missing_from_that_table() -> None:
    """Headers and budgets are lists, and have tests of their own; so have those that do nothing alone."""
    others = {"target.headers", "budgets", "run.budgets_file", "run.abort_after"}
    others |= {"target.ca", "target.client_cert", "target.client_key", "target.unix_socket"}
    assert {flag.key for flag in FLAGS} == {*_VALUES, *others}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            '[target]\nmetrics = ["a"]',
            "target.metrics: expected together with --target-metrics (target.metrics_url), which",
        ),
        ('[target]\nmetrics_url = "auto"\nmetrics = ["sum(a)"]', "target.metrics[0]: expected names like"),
        ('[target]\nmetrics_url = "ftp://x/metrics"', "target.metrics_url: expected an address like"),
        ('[target]\nmetrics_url = "http://"', "target.metrics_url: expected an address like"),
        (
            '[target]\nurl = "http://127.0.0.1:1"\nmetrics_url = "auto"',
            "target.metrics_url: expected an address where the server is not the embedded one",
        ),
    ],
)
def test_figures_of_the_server_are_asked_for_where_there_can_be_some(write: Write, text: str, complaint: str) -> None:
    """Names and an address, and nothing of a server that cannot be meant."""
    with pytest.raises(InputError) as refused:
        settle(write(text), {}, {})
    assert complaint in str(refused.value)


def test_an_empty_table_in_a_file_says_nothing(write: Write) -> None:
    """What is not written there is a default, whatever headings stand around it."""
    settled = settle(write("[users]\n[target]\nheaders = {}\n"), {}, {})

    assert row(settled, "users.count") == (500, "default")
    assert row(settled, "target.dialect") == ("reference", "default")


def test_headers_of_a_flag_take_the_place_of_the_files(write: Write) -> None:
    """As every flag does; the origin is the flag's, also of a name that the file has."""
    scenario = write('[target]\nheaders = { Origin = "file", Y = "file" }\n')

    by_file = settle(scenario, {}, {})
    by_flag = settle(scenario, {"target.headers": {"Origin": "flag"}}, {})
    by_env = settle(scenario, {}, {"CHATBENCH_HEADER": "Origin: env\nVia: 1\n"})

    assert row(by_file, "target.headers.Origin") == ("file", "file")
    assert row(by_flag, "target.headers.Origin") == ("flag", "flag")
    assert row(by_env, "target.headers.Origin") == ("env", "env")
    assert row(by_env, "target.headers.Via") == ("1", "env")
    assert by_flag.plan_for(("http://x",), "abcdef").headers == (("Origin", "flag"),)


def test_what_a_header_holds_is_not_shown() -> None:
    """Documents go round; the name is enough to see what was asked for."""
    settled = settle("smoke", {"target.headers": {"X-Mine": "open-sesame", "Origin": "http://me"}}, {})

    assert settled.rows["target.headers.X-Mine"]["value"] == "***"
    assert settled.rows["target.headers.Origin"]["value"] == "http://me"


def test_a_budget_of_a_flag_takes_the_place_of_the_files_for_that_metric(write: Write) -> None:
    """The others stay."""
    scenario = write('[budgets]\ndelivery_time = ["p(50) < 1s", "p(99) < 2s"]\ndeliveries_lost = "count == 0"\n')

    by_file = settle(scenario, {}, {})
    by_flag = settle(scenario, {"budgets": ["delivery_time:max<9s", "connect_time: med <= 1.5s"]}, {})

    assert expressions(by_file) == [
        "delivery_time: p(50) < 1s",
        "delivery_time: p(99) < 2s",
        "deliveries_lost: count == 0",
    ]
    assert expressions(by_flag) == [
        "deliveries_lost: count == 0",
        "delivery_time: max < 9s",
        "connect_time: med <= 1.5s",
    ]
    assert row(by_file, "budgets") == (expressions(by_file), "file")
    assert row(by_flag, "budgets") == (expressions(by_flag), "flag")


def test_a_flag_that_was_not_typed_says_nothing() -> None:
    """None, or no value of one that may be given several times; what was typed is told by its key."""
    typed = flags_typed(target=[], users=None, rate="5", html=False, header=["X-Chat: yes"])

    assert typed == {"traffic.rate_per_s": "5", "run.html": False, "target.headers": {"X-Chat": "yes"}}
