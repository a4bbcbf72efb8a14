"""How file, environment and flags become a plan, and what is told where they cannot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.errors import InputError
from loadgen.plan.incidents import Backoff, Incident, IncidentKind
from loadgen.plan.pacing import NS_PER_S, Loop
from loadgen.plan.payload_sizes import LogNormal, OneOf, PayloadBytes
from loadgen.plan.plan import Plan, TransportKind
from loadgen.plan.rooms import Rooms
from loadgen.plan.stages import Stage
from scenarios.catalogue import catalogue
from scenarios.dialect_files import named_dialects
from scenarios.layers import FLAGS, Files, Layers
from scenarios.machine import Machine, settle_source_addresses
from scenarios.settle import Settled, base_url_of, settle

STORM = IncidentKind.RECONNECT_STORM

Write = Callable[[str], str]

ROOMS_DIALECT = """
[connect]
path = "/"
[join]
send = "JOIN {room}"
[publish]
send = "{text}"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Paths in messages are as they were given: short ones, relative to a directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(here: Path) -> Write:
    """Write a scenario file; its name."""

    def write_scenario(text: str) -> str:
        (here / "mine.toml").write_text(text, encoding="utf-8")
        return "mine.toml"

    return write_scenario


# A name and no answer: it neither takes a token nor tells a sender anything.
MUTE_DIALECT = """
[connect]
path = "/"
[publish]
send = "{text}"
echo = false
"""

A_MACHINE = Machine(core_count=4, sockets_per_process=1000, ephemeral_port_count=28_232)
A_SERVER = "http://chat.example.org"


def complaint(scenario: str, flags: dict[str, Any] | None = None, **environ: str) -> str:
    """What is told instead of a plan on a machine like ours; always one line."""
    return complaint_on(A_MACHINE, scenario, flags or {}, **environ)


def complaint_on(machine: Machine, scenario: str, flags: dict[str, Any], **environ: str) -> str:
    """What is told instead of a plan on some machine."""
    with pytest.raises(InputError) as refused:
        settle(scenario, flags, environ, machine)
    line = str(refused.value)
    assert "\n" not in line
    return line


def row(settled: Settled, key: str) -> tuple[Any, str]:
    return settled.rows[key]["value"], settled.rows[key]["origin"]


def plan_of(settled: Settled) -> Plan:
    return settled.plan_for(settled.base_urls, "abcdef")


def expressions(settled: Settled) -> list[str]:
    return [budget.expression for budget in settled.budgets]


# --- what cannot be settled ---------------------------------------------------------------------------------


def test_an_unknown_scenario_is_told_with_the_nearest_and_all_there_are() -> None:
    """Nobody should need to look the catalogue up."""
    line = complaint("fanuot")

    assert line.startswith('unknown scenario "fanuot"; did you mean "fanout"? (catalogue: ')
    assert all(name in line for name in catalogue())


@pytest.mark.parametrize(
    ("scenario", "line"),
    [
        ("missing.toml", "missing.toml: cannot read the scenario: No such file or directory"),
        (".", ".: cannot read the scenario: Is a directory"),
        ("latin1.toml", "latin1.toml: cannot read the scenario: it is not UTF-8 text"),
    ],
)
def test_a_scenario_that_cannot_be_read_is_told_with_the_reason(here: Path, scenario: str, line: str) -> None:
    """The file and why, as the system says it."""
    (here / "latin1.toml").write_bytes(b'summary = "\xe9t\xe9"\n')

    assert complaint(scenario) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[traffic]\nrate_per_s = 5\nper_user_per_min = 6",
            "traffic.rate_per_s: expected one of rate_per_s and per_user_per_min, got both",
        ),
        (
            "[users]\ncount = 4\nrooms = { count = 2 }",
            'users.rooms.count: expected 1 where users.rooms.shape is "single", got 2',
        ),
        (
            '[users]\ncount = 4\nrooms = { shape = "zipf", count = 5 }',
            "users.rooms.count: expected at most a room a user (4), got 5",
        ),
        (
            '[users]\nrooms = { shape = "lognormal", count = 5 }',
            'users.rooms.count: expected no count where users.rooms.shape is "lognormal", got 5',
        ),
        (
            "[users]\nrooms = { exponent = 1.2 }",
            'users.rooms.exponent: expected none where users.rooms.shape is "single" (it is of zipf), got 1.2',
        ),
        (
            '[target]\ndialect = "echo"\n[users]\nrooms = { shape = "lognormal" }',
            'users.rooms.count: expected 1, since the dialect "echo" has no join and all users share one room, got 39',
        ),
        (
            '[users]\ncount = 4\nrooms = { shape = "uniform", count = 5 }',
            "users.rooms.count: expected at most a room a user (4), got 5",
        ),
        (
            '[target]\ndialect = "echo"\n[users]\nrooms = { shape = "uniform", count = 2 }',
            'users.rooms.count: expected 1, since the dialect "echo" has no join and all users share one room, got 2',
        ),
        (
            '[users]\ncount = 4\nmore_rooms = [{ shape = "uniform", count = 5 }]',
            "users.more_rooms[0].count: expected at most a room a user (4), got 5",
        ),
        (
            '[users]\nmore_rooms = [{ shape = "own", count = 5 }]',
            'users.more_rooms[0].count: expected no count where users.more_rooms[0].shape is "own", got 5',
        ),
        (
            '[target]\ndialect = "echo"\n[users]\nmore_rooms = [{ shape = "own" }]',
            'users.more_rooms[0]: expected none, since the dialect "echo" has no join and all users share one room, '
            'got "own"',
        ),
        (
            "[users]\nrooms = { weight = 0 }\nmore_rooms = [{ weight = 0 }]",
            "users.rooms.weight: expected a weight > 0 somewhere, got none",
        ),
        (
            "[users]\nmore_rooms = [" + "{}, " * 16 + "]",
            "users.more_rooms: expected at most 15 tables, got 16",
        ),
        (
            "[traffic]\nmix = { message = 0 }",
            "traffic.mix: expected a weight > 0 for something, got none",
        ),
        (
            '[target]\ndialect = "plain"\n[traffic]\nmix = { message = 1, typing = 0.5 }',
            'traffic.mix.typing: expected 0, since the dialect "plain" has no [typing], got 0.5',
        ),
        (
            '[target]\ndialect = "plain"\n[traffic.mix]\nhttp = 1',
            'traffic.mix.http: expected 0, since the dialect "plain" has no [http], got 1',
        ),
        (
            "[users]\ncount = 1\n[traffic]\nmix = { direct = 1 }",
            "traffic.mix.direct: expected 0, since there is nobody else to write to, got 1",
        ),
        (
            '[users]\ncount = 3\nfile = "users.csv"\n[traffic]\nmix = { direct = 1 }',
            "traffic.mix.direct: expected 0 where several users share an account (2 for 3 users): each of them would "
            "get what is for one, got 1",
        ),
        (
            '[users]\ncount = 3\ntokens_file = "tokens.txt"\n[traffic]\nmix = { direct = 1 }',
            "traffic.mix.direct: expected 0, since users.tokens_file does not say what the users are called, got 1",
        ),
        (
            '[target]\ndialect = "plian"',
            'target.dialect: unknown dialect "plian"; did you mean "plain"? '
            f"(there are {', '.join(named_dialects())}; or give the path of a dialect file)",
        ),
        (
            '[target]\nurl = "127.0.0.1:8000"',
            'target.url: expected an address like "http://127.0.0.1:8000" or "wss://chat.example.org", '
            'got "127.0.0.1:8000"',
        ),
        (
            '[target]\nheaders = { "X Y" = "z" }',
            'target.headers.X Y: expected the name and value of an HTTP header, got "X Y: ***"',
        ),
        (
            '[target]\nheaders = { X = "a\\r\\nY: b" }',
            'target.headers.X: expected the name and value of an HTTP header, got "X: ***"',
        ),
        (
            '[budgets]\ndelivery_tim = "p(99) < 1s"',
            'budgets.delivery_tim: unknown metric "delivery_tim"; did you mean "delivery_time"?',
        ),
        (
            '[budgets]\ndelivery_time = ["p(50) < 1s", "p99 < 250ms"]',
            'budgets.delivery_time: expected "AGG OP VALUE" like "p(99) < 250ms", got "p99 < 250ms"',
        ),
        (
            '[budgets]\ndelivery_time = "p(99) < 250"',
            'budgets.delivery_time: expected a time with us, ms or s, like "250ms", got "250"',
        ),
        (
            '[budgets]\ndelivery_time = "p(99) < 250kg"',
            'budgets.delivery_time: expected a time with us, ms or s, like "250ms", got "250kg"',
        ),
        (
            '[budgets]\ndelivery_time = "p(100) < 1s"',
            'budgets.delivery_time: expected a percentile between 0 and 100, got "100"',
        ),
        (
            "[traffic]\npayload_bytes = { median = 120, most = 100 }",
            "traffic.payload_bytes.most: expected at least the median (120), got 100",
        ),
        (
            '[budgets]\ndelivery_time = "count < 1s"',
            'budgets.delivery_time: expected min, mean, med, max or p(N) of the time "delivery_time", got "count"',
        ),
        (
            '[budgets]\ndeliveries_lost = "count == 0ms"',
            'budgets.deliveries_lost: expected a plain number for the counter "deliveries_lost", got "0ms"',
        ),
        (
            '[budgets]\ndeliveries_lost = "max == 0"',
            'budgets.deliveries_lost: expected count or rate of the counter "deliveries_lost", got "max"',
        ),
        (
            '[budgets]\ndeliveries_lost = "count => 0"',
            'budgets.deliveries_lost: expected "AGG OP VALUE" like "count == 0", got "count => 0"',
        ),
    ],
)
def test_what_types_cannot_tell_is_told_at_its_key(write: Write, text: str, line: str) -> None:
    """Before anything starts."""
    Path("users.csv").write_text("ann,a\nbob,b\n")
    Path("tokens.txt").write_text("a\nb\nc\n")
    assert complaint(write(text)) == f"mine.toml: {line}"


@pytest.mark.parametrize(
    ("key", "typed", "line"),
    [
        ("users.count", "abc", '--users: expected a whole number > 0, got "abc"'),
        ("users.count", "0", "--users: expected a whole number > 0, got 0"),
        ("traffic.rate_per_s", "nan", '--rate: expected a number > 0, got "nan"'),
        ("traffic.rate_per_s", "-4", "--rate: expected a number > 0, got -4"),
        (
            "traffic.payload_bytes",
            "20",
            "--payload: expected a whole number >= 69 (the bytes of the marker), a list of 1 to 64 of them, "
            "or a table like { median = 120 }, got 20",
        ),
        ("phases.measure", "0s", '--duration: expected a time > 0 like "30s", got "0s"'),
        ("run.processes", "all", '--processes: expected a whole number from 1 to 64, or "auto", got "all"'),
        ("run.processes", "0", '--processes: expected a whole number from 1 to 64, or "auto", got 0'),
        ("run.processes", "65", '--processes: expected a whole number from 1 to 64, or "auto", got 65'),
        ("run.processes", "501", '--processes: expected a whole number from 1 to 64, or "auto", got 501'),
        ("run.transport", "tcp", '--transport: expected "picows" or "websockets", got "tcp"'),
        ("traffic.loop", "half", '--loop: expected "open" or "closed", got "half"'),
        ("run.abort_on_fail", "maybe", '--abort-on-fail: expected true or false, got "maybe"'),
        (
            "run.prometheus_port",
            "70000",
            '--prometheus: expected a port like 9464, or an address and a port like "0.0.0.0:9464", got 70000',
        ),
        (
            "run.prometheus_port",
            "localhost:",
            '--prometheus: expected a port like 9464, or an address and a port like "0.0.0.0:9464", got "localhost:"',
        ),
        (
            "run.web",
            "here",
            '--web: expected a port like 8090, an address and a port like "0.0.0.0:8090", or "auto", got "here"',
        ),
        ("run.events", "-", '--events: expected the path of a file, got "-", standard output'),
        ("run.events", ".", '--events: expected the path of a file, got ".", a directory'),
        ("run.events", "no/events", '--events: expected a file in a directory that is there, got "no/events"'),
        ("users.rooms.count", "501", "--rooms: expected at most a room a user (500), got 501"),
        (
            "target.url",
            "http://[::1",
            '--target: expected an address like "http://127.0.0.1:8000" or "wss://chat.example.org", got "http://[::1"',
        ),
        (
            "target.headers",
            {"a": "b\nc"},
            '--header: expected the name and value of an HTTP header, got "a: ***"',
        ),
        ("budgets", ["lost: 0"], '--budget: unknown metric "lost"'),
        (
            "budgets",
            ["0"],
            '--budget: expected "METRIC: AGG OP VALUE" like "delivery_time: p(99) < 250ms", got "0"',
        ),
    ],
)
def test_a_wrong_flag_is_told_by_the_name_of_the_flag(key: str, typed: object, line: str) -> None:
    """Who typed a flag does not think in key paths."""
    assert complaint("fanout", {key: typed}).startswith(line)


@pytest.mark.parametrize(
    ("variable", "text", "line"),
    [
        ("CHATBENCH_USERS", "many", 'CHATBENCH_USERS: expected a whole number > 0, got "many"'),
        ("CHATBENCH_RATE", "NaN", "CHATBENCH_RATE: expected a number > 0, got NaN"),
        ("CHATBENCH_DURATION", "30", 'CHATBENCH_DURATION: expected a time > 0 like "30s", got 30'),
        ("CHATBENCH_QUIET", "yes", 'CHATBENCH_QUIET: expected true or false, got "yes"'),
        ("CHATBENCH_HEADER", "X", 'CHATBENCH_HEADER: expected "Name: value", got a text without a name and a colon'),
        ("CHATBENCH_BUDGET", "x", 'CHATBENCH_BUDGET: expected "METRIC: AGG OP VALUE"'),
        ("CHATBENCH_DIALECT", "none", 'CHATBENCH_DIALECT: unknown dialect "none"'),
    ],
)
def test_a_wrong_variable_is_told_by_the_name_of_the_variable(variable: str, text: str, line: str) -> None:
    """It may have been set in a file far away."""
    assert complaint("fanout", {}, **{variable: text}).startswith(line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("ann,secret\nbob\n", "users.csv: line 2: expected username,password, got something else"),
        ("ann,secret\n\n,pw\n", "users.csv: line 3: expected username,password, got something else"),
        ("ann,a,b\n", "users.csv: line 1: expected username,password, got something else"),
        ("\n", "users.csv: expected username,password lines, got an empty file"),
    ],
)
def test_a_bad_line_of_a_users_file_is_told_with_its_number(here: Path, text: str, line: str) -> None:
    """One among thousands is not found otherwise."""
    (here / "users.csv").write_text(text, encoding="utf-8")

    assert complaint("smoke", {"users.file": "users.csv"}) == line


def test_a_users_file_that_is_not_there_is_told() -> None:
    """With its name and the reason."""
    assert complaint("smoke", {"users.file": "gone.csv"}) == (
        "gone.csv: cannot read the users file: No such file or directory"
    )


def test_a_wrong_dialect_file_is_told_with_its_own_key(here: Path) -> None:
    """The mistake is in that file, not in the scenario."""
    (here / "mine.dialect.toml").write_text('[connect]\npaht = "/"\n[publish]\nsend = "{text}"\n', encoding="utf-8")

    assert complaint("smoke", {"target.dialect": "mine.dialect.toml"}).startswith("mine.dialect.toml: connect.pa")


# --- where a value comes from -------------------------------------------------------------------------------


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


# --- what is worked out -------------------------------------------------------------------------------------


def test_a_rate_may_be_given_for_each_user(write: Write) -> None:
    """Ten users with six messages a minute each say one a second together."""
    settled = settle(write("[users]\ncount = 10\n[traffic]\nper_user_per_min = 6\n"), {}, {})

    assert settled.plan_for(("http://x",), "abcdef").rate_per_s == 1.0
    assert settled.rows["traffic.rate_per_s"]["value"] == 1.0


def test_a_rate_of_a_flag_beats_a_rate_for_each_user_of_the_file(write: Write) -> None:
    """No contradiction: a flag beats the file."""
    settled = settle(write("[traffic]\nper_user_per_min = 6\n"), {"traffic.rate_per_s": "3"}, {})

    assert settled.plan_for(("http://x",), "abcdef").rate_per_s == 3
    assert row(settled, "traffic.rate_per_s") == (3, "flag")


def test_a_number_of_rooms_by_flag_is_one_room_a_user(write: Write) -> None:
    """Whatever further rooms stand in the file."""
    text = '[users]\nmore_rooms = [{ shape = "own" }, { shape = "uniform", count = 7 }]\n'
    scenario = write(text)

    assert len(settle(scenario, {}, {}).plan_for(("http://x",), "abcdef").rooms.layers) == 3
    assert settle(scenario, {"users.rooms.count": "3"}, {}).plan_for(("http://x",), "abcdef").rooms == Rooms.alike(3)


def test_the_same_users_do_not_meet_again_in_their_other_rooms(write: Write) -> None:
    """Dealt anew by the seed: of fifty rooms, two users who share one rarely share another."""
    text = '[users]\nrooms = { shape = "uniform", count = 50 }\nmore_rooms = [{ shape = "uniform", count = 50 }]\n'
    rooms = settle(write(text), {}, {}).plan_for(("http://x",), "abcdef").rooms

    both = {rooms.rooms_of(user) for user in range(500)}

    assert len(both) > 400


def test_a_number_of_rooms_beats_the_shape_of_the_file(write: Write) -> None:
    """--rooms N is N rooms of equal size, whatever the file says."""
    scenario = write('[users]\ncount = 10\nrooms = { shape = "single" }\n')

    settled = settle(scenario, {"users.rooms.count": "3"}, {})

    assert row(settled, "users.rooms.shape") == ("uniform", "flag")
    assert row(settled, "users.rooms.count") == (3, "flag")
    assert settled.plan_for(("http://x",), "abcdef").rooms.count == 3


def test_a_dialect_file_with_a_join_may_have_many_rooms(here: Path) -> None:
    """Only one without cannot."""
    (here / "rooms.toml").write_text(ROOMS_DIALECT, encoding="utf-8")

    settled = settle("smoke", {"target.dialect": "rooms.toml", "users.rooms.count": 3}, {})

    assert settled.plan_for(("http://x",), "abcdef").dialect.name == "rooms"


def test_users_take_the_accounts_of_a_file_in_turn(here: Path) -> None:
    """Names and passwords as they stand there, quotes and commas included."""
    (here / "users.csv").write_text('ann,"a,b"\n\nbob,c\n', encoding="utf-8")

    settled = settle("smoke", {"users.file": "users.csv"}, {})

    assert settled.plan_for(("http://x",), "abcdef").accounts == (("ann", "a,b"), ("bob", "c"))


@pytest.mark.parametrize(
    ("typed", "base_url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://chat.example.org/", "https://chat.example.org"),
        ("ws://[::1]:80/base/", "http://[::1]:80/base"),
        ("wss://chat.example.org", "https://chat.example.org"),
    ],
)
def test_an_address_may_be_of_either_kind(typed: str, base_url: str) -> None:
    """HTTP and WebSocket addresses name the same place."""
    assert base_url_of(typed, "--target") == base_url


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "chat",
        "ftp://x",
        "http://",
        "http://x:99999",
        "http://x:0",
        "http://x:p",
        "http://x?a=b",
        "http://[::1",
        "http://x y\n",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    """With two that are."""
    with pytest.raises(InputError, match=r"--target: expected an address like"):
        base_url_of(typed, "--target")


# --- many nodes, processes and ports ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "base_urls"),
    [
        ([A_SERVER], (A_SERVER,)),
        (["ws://127.0.0.1:1/", "http://127.0.0.1:2"], ("http://127.0.0.1:1", "http://127.0.0.1:2")),
    ],
)
def test_a_target_may_be_several_nodes(write: Write, typed: list[str], base_urls: tuple[str, ...]) -> None:
    """By flag, by variable with blanks or commas between, and by a list in the file."""
    by_flag = settle("fanout", {"target.url": typed}, {})
    by_variable = settle("fanout", {}, {"CHATBENCH_TARGET": ", ".join(typed)})
    by_file = settle(write(f"[target]\nurl = {typed}\n"), {}, {})

    assert by_flag.base_urls == by_variable.base_urls == by_file.base_urls == base_urls
    assert plan_of(by_flag).base_urls == base_urls


def test_without_a_target_there_is_no_address() -> None:
    """It is known when the embedded server has started."""
    assert settle("fanout", {}, {}).base_urls == ()


@pytest.mark.parametrize("url", ['["http://x", "y"]', '"y"'])
def test_each_address_of_a_target_is_checked(write: Write, url: str) -> None:
    """And the wrong one is told."""
    assert complaint(write(f"[target]\nurl = {url}\n")) == (
        'mine.toml: target.url: expected an address like "http://127.0.0.1:8000" or "wss://chat.example.org", got "y"'
    )


def test_a_target_without_any_address_is_refused(write: Write) -> None:
    """An empty list is not the embedded server."""
    assert complaint(write("[target]\nurl = []\n")) == (
        "mine.toml: target.url: expected an address, or a list of them, got []"
    )


@pytest.mark.parametrize(
    ("cores", "target", "users", "processes"),
    [
        (4, A_SERVER, 500, 4),
        (4, None, 500, 3),
        (1, None, 500, 1),
        (None, A_SERVER, 500, 1),
        (4, A_SERVER, 2, 2),
        (96, A_SERVER, 500, 64),
    ],
)
def test_auto_is_a_process_for_each_core_that_is_free(
    cores: int | None, target: str | None, users: int, processes: int
) -> None:
    """The embedded server has a core of its own; no process is without a user; the document shows the number."""
    machine = Machine(cores, sockets_per_process=1000, ephemeral_port_count=None)
    flags = {"run.processes": "auto", "users.count": users} | ({"target.url": target} if target else {})

    settled = settle("fanout", flags, {}, machine)

    assert settled.process_count == processes
    assert row(settled, "run.processes") == (processes, "flag")


def test_one_process_is_the_default() -> None:
    """Whatever the machine has."""
    settled = settle("fanout", {}, {}, A_MACHINE)

    assert settled.process_count == 1
    assert row(settled, "run.processes") == (1, "default")


def test_more_processes_than_users_are_refused() -> None:
    """One would have nothing to do."""
    assert complaint("fanout", {"users.count": 3, "run.processes": 4}) == (
        "--processes: expected at most a process a user (3), got 4"
    )


@pytest.mark.parametrize(
    ("processes", "line"),
    [
        (1, "expected at most 100, the sockets that one process may open here"),
        (2, "expected at most 200, the sockets that 2 processes may open here"),
    ],
)
def test_more_users_than_files_may_be_open_are_refused(processes: int, line: str) -> None:
    """With the limit, where it is set, and the way out; never a crash in the middle of connecting."""
    machine = Machine(core_count=4, sockets_per_process=100, ephemeral_port_count=None)
    flags = {"run.processes": processes, "users.count": 100 * processes}

    assert settle("fanout", flags, {}, machine).process_count == processes
    assert complaint_on(machine, "fanout", flags | {"users.count": 100 * processes + 1}) == (
        f"--users: {line} (ulimit -Hn; --processes N has N times as many), got {100 * processes + 1}"
    )


@pytest.mark.parametrize(
    ("users", "target", "addresses"),
    [
        (900, None, ()),
        (901, None, ("127.0.0.1", "127.0.0.2")),
        (1600, ["http://127.0.0.1:80"], ("127.0.0.1", "127.0.0.2")),
        (1601, ["http://localhost:80"], ("127.0.0.1", "127.0.0.2", "127.0.0.3")),
        (1800, ["http://127.0.0.1:80", "http://127.9.9.9:80"], ()),
        (1802, ["http://127.0.0.1:80", "http://127.9.9.9:80"], ("127.0.0.1", "127.0.0.2", "127.0.0.3")),
        (902, ["http://127.0.0.1:80", "http://127.0.0.1:80"], ("127.0.0.1", "127.0.0.2")),
        (900, [A_SERVER], ()),
    ],
)
def test_where_the_ports_do_not_suffice_a_loopback_target_is_reached_from_several_addresses(
    users: int, target: list[str] | None, addresses: tuple[str, ...]
) -> None:
    """Up to nine tenths of the ports a node the system chooses; beyond, no address uses more than eight tenths."""
    machine = Machine(core_count=4, sockets_per_process=10_000, ephemeral_port_count=1000)
    flags = {"users.count": users} | ({"target.url": target} if target else {})

    assert plan_of(settle("fanout", flags, {}, machine)).source_addresses == addresses


@pytest.mark.parametrize("target", [[A_SERVER], ["http://10.0.0.1"], ["http://[::1]"], ["http://127.example.org"]])
def test_where_the_ports_do_not_suffice_for_another_machine_the_run_is_refused(target: list[str]) -> None:
    """With what there is, and where it is set."""
    machine = Machine(core_count=4, sockets_per_process=10_000, ephemeral_port_count=1000)

    assert complaint_on(machine, "fanout", {"target.url": target, "users.count": 901}) == (
        "--users: expected at most 900 users a node of the target, since this machine has 1000 ports to connect from "
        "(sysctl net.ipv4.ip_local_port_range widens that), got 901"
    )


def test_ports_that_cannot_be_counted_limit_nothing() -> None:
    """Where the system does not tell, it is tried."""
    machine = Machine(core_count=4, sockets_per_process=10**6, ephemeral_port_count=None)
    flags = {"target.url": A_SERVER, "users.count": 100_000}

    assert plan_of(settle("fanout", flags, {}, machine)).source_addresses == ()


@given(st.integers(1, 200_000), st.integers(1, 65_535), st.integers(1, 5))
def test_no_source_address_needs_more_ports_than_there_are(users: int, ports: int, node_count: int) -> None:
    """Connections to two nodes may share a port only where the system chooses it."""
    base_urls = [f"http://127.0.0.1:{1 + i}" for i in range(node_count)]

    addresses = settle_source_addresses(base_urls, users, ports, Layers(Files("x.toml", {}, {}), {}, {}))

    if addresses:
        assert users <= 0.8 * ports * len(addresses)
    else:
        assert -(-users // node_count) <= 0.9 * ports


# --- tokens, loop and compression ---------------------------------------------------------------------------


def test_users_take_the_tokens_of_a_file_in_turn(here: Path) -> None:
    """One a line; what is blank says nothing."""
    (here / "tokens.txt").write_text("abc\n\n  d.e-f \r\n", encoding="utf-8")

    assert plan_of(settle("fanout", {"users.tokens_file": "tokens.txt"}, {})).tokens == ("abc", "d.e-f")
    assert plan_of(settle("fanout", {}, {})).tokens == ()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "tokens.txt: expected a token a line, got an empty file"),
        (b" \n\n", "tokens.txt: expected a token a line, got an empty file"),
        (b"abc\n\nd\x00e", "tokens.txt: line 3: expected a token of printable ASCII characters, got others"),
        (b"\xc3\xa9", "tokens.txt: line 1: expected a token of printable ASCII characters, got others"),
        (b"\xe9", "tokens.txt: cannot read the tokens file: 'utf-8' codec can't decode byte 0xe9"),
    ],
)
def test_a_bad_tokens_file_is_told_without_its_tokens(here: Path, content: bytes, line: str) -> None:
    """They are secrets."""
    (here / "tokens.txt").write_bytes(content)

    assert complaint("fanout", {"users.tokens_file": "tokens.txt"}).startswith(line)


def test_a_tokens_file_that_is_not_there_is_told() -> None:
    """With its name and the reason."""
    assert complaint("fanout", {"users.tokens_file": "gone"}) == (
        "gone: cannot read the tokens file: No such file or directory"
    )


def test_either_accounts_or_tokens_come_from_a_file(write: Write) -> None:
    """With tokens, nobody would log in with the accounts."""
    scenario = write('[users]\nfile = "users.csv"\n')

    assert complaint(scenario, {"users.tokens_file": "tokens.txt"}) == (
        "--tokens-file: expected one of users.file and users.tokens_file, got both"
    )


def test_tokens_need_a_dialect_that_uses_them(here: Path) -> None:
    """Nobody would notice that they are not used."""
    (here / "tokens.txt").write_text("abc\n", encoding="utf-8")
    (here / "late.toml").write_text(
        '[connect]\npath = "/"\nsend = "AUTH {token}"\n[publish]\nsend = "{text}"\n', encoding="utf-8"
    )
    (here / "later.toml").write_text(
        '[connect]\npath = "/"\n[publish]\nsend = "{text}"\n[http]\npath = "/?{token}"\n', encoding="utf-8"
    )
    flags = {"users.tokens_file": "tokens.txt"}

    assert plan_of(settle("fanout", {**flags, "target.dialect": "late.toml"}, {})).tokens == ("abc",)
    assert plan_of(settle("fanout", {**flags, "target.dialect": "later.toml"}, {})).tokens == ("abc",)
    assert complaint("echo", flags) == (
        '--tokens-file: expected none, since the dialect "echo" has no {token} to put one in, got "tokens.txt"'
    )


@pytest.mark.parametrize(
    "publish",
    ['send = "{text}"', 'send = "{id} {text}"\necho = false\nack = "OK {id}"', 'send = "{text}"\nreach = "self"'],
)
def test_a_closed_loop_waits_for_an_echo_or_an_acknowledgement(here: Path, publish: str) -> None:
    """Either is an answer."""
    (here / "some.toml").write_text(f'[connect]\npath = "/"\n[publish]\n{publish}\n', encoding="utf-8")

    settled = settle("fanout", {"target.dialect": "some.toml", "traffic.loop": "closed"}, {})

    assert plan_of(settled).loop is Loop.CLOSED


@pytest.mark.parametrize("publish", ['send = "{text}"', 'http = { path = "/send", body = "{text}" }'])
def test_a_closed_loop_without_an_answer_is_refused(here: Path, publish: str) -> None:
    """With the keys that would be one."""
    (here / "mute.toml").write_text(MUTE_DIALECT.replace('send = "{text}"', publish), encoding="utf-8")

    assert complaint("fanout", {"target.dialect": "mute.toml", "traffic.loop": "closed"}) == (
        '--loop: expected "open", since the dialect "mute" has no answer to wait for (publish.ack, or '
        'publish.echo = true, would be one), got "closed"'
    )


def test_compression_needs_the_library_that_has_it(write: Write) -> None:
    """The fast one has none."""
    scenario = write("[target]\ncompression = true\n")

    plan = plan_of(settle(scenario, {"run.transport": "websockets"}, {}))

    assert (plan.transport, plan.compression) == (TransportKind.WEBSOCKETS, True)
    assert complaint(scenario) == (
        "mine.toml: target.compression: expected false, since picows has no permessage-deflate "
        '(run.transport = "websockets" has), got true'
    )


# --- files beside the run directory -------------------------------------------------------------------------


def test_events_may_go_into_the_run_directory_that_is_not_there_yet() -> None:
    """It is made before they are written."""
    settled = settle("fanout", {"run.out": "out", "run.events": "out/events.ndjson"}, {})

    assert settled.run.events == "out/events.ndjson"


def test_a_path_that_is_none_is_told_with_the_reason() -> None:
    """As the system says it."""
    assert complaint("fanout", {"run.events": "x" * 300}).endswith('": File name too long')


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_may_not_be_written_is_told_before_anything_starts(here: Path) -> None:
    """Not when the first event comes."""
    (here / "theirs").mkdir(mode=0o500)

    assert complaint("fanout", {"run.events": "theirs/events"}) == (
        '--events: expected a file that may be written, got "theirs/events"'
    )


# --- stages -------------------------------------------------------------------------------------------------


def test_stages_say_how_many_users_and_how_long(write: Write) -> None:
    """The most there are at a time, and the sum; no warm-up; what the file says otherwise gives way to a flag."""
    scenario = write('[users]\ncount = 9\n[phases]\nwarmup = "3s"\nmeasure = "20s"\n')

    settled = settle(scenario, {"users.stages": ["30s:50", "1m:80", "10s:0"]}, {})

    plan = plan_of(settled)
    assert plan.stages == (Stage(30 * NS_PER_S, 50), Stage(60 * NS_PER_S, 80), Stage(10 * NS_PER_S, 0))
    assert (plan.user_count, plan.warmup_ns, plan.measure_ns) == (80, 0, 100 * NS_PER_S)
    assert row(settled, "users.stages")[0][1] == {"within": "1m", "count": 80}
    assert row(settled, "users.count") == (80, "flag")
    assert row(settled, "phases.measure") == ("100s", "flag")
    assert row(settled, "phases.warmup") == ("0s", "flag")


def test_stages_of_a_file_are_tables_or_texts(write: Write) -> None:
    """A text is shorter, a table says what is what."""
    settled = settle(write('[users]\nstages = ["30s:5", { within = "10s", count = 2 }]\n'), {}, {})

    assert plan_of(settled).stages == (Stage(30 * NS_PER_S, 5), Stage(10 * NS_PER_S, 2))
    assert row(settled, "users.count") == (5, "file")


def test_stages_of_a_flag_take_the_place_of_the_files(write: Write) -> None:
    """As every flag does."""
    settled = settle(write('[users]\nstages = ["30s:5", "1m:7"]\n'), {"users.stages": ["2s:3"]}, {})

    assert plan_of(settled).stages == (Stage(2 * NS_PER_S, 3),)


def test_no_stages_change_nothing(write: Write) -> None:
    """An empty list is none."""
    plan = plan_of(settle(write("[users]\ncount = 7\nstages = []\n"), {}, {}))

    assert (plan.stages, plan.user_count, plan.warmup_ns) == ((), 7, 3 * NS_PER_S)


def test_a_rate_for_each_user_follows_the_users_of_stages(write: Write) -> None:
    """The rate is that of the most there are; a rate for all together is kept however many there are."""
    scenario = write('[users]\nstages = ["30s:10"]\n[traffic]\nper_user_per_min = 6\n')

    of_each = plan_of(settle(scenario, {}, {}))
    of_all = plan_of(settle(scenario, {"traffic.rate_per_s": "5"}, {}))

    assert (of_each.rate_per_s, of_each.rate_follows_users) == (1.0, True)
    assert (of_all.rate_per_s, of_all.rate_follows_users) == (5, False)


@pytest.mark.parametrize(
    ("key", "typed", "line"),
    [
        ("users.count", "5", "--users: expected no number of users, since stages settle it (--stage), got 5"),
        (
            "phases.measure",
            "20s",
            '--duration: expected no measured time, since stages settle it (--stage), got "20s"',
        ),
        ("phases.warmup", "1s", '--warmup: expected "0s", since stages settle it (--stage), got "1s"'),
        ("users.rooms.count", "6", "--rooms: expected at most a room a user (5), got 6"),
    ],
)
def test_what_contradicts_stages_is_refused(key: str, typed: str, line: str) -> None:
    """One of the two would be ignored."""
    assert complaint("fanout", {"users.stages": ["30s:5"], key: typed}) == line


def test_a_variable_contradicts_stages_as_a_flag_does() -> None:
    """Both are typed for this run."""
    assert complaint("fanout", {"users.stages": ["30s:5"]}, CHATBENCH_USERS="7").startswith("CHATBENCH_USERS: expected")


def test_no_warmup_and_stages_are_no_contradiction() -> None:
    """It is what they mean."""
    assert plan_of(settle("fanout", {"users.stages": ["30s:5"], "phases.warmup": "0s"}, {})).warmup_ns == 0


@pytest.mark.parametrize(
    ("phases", "line"),
    [
        (
            'measure = "20s"',
            'phases.measure: expected no measured time, since stages settle it (mine.toml: users.stages), got "20s"',
        ),
        (
            'warmup = "3s"',
            'phases.warmup: expected "0s", since stages settle it (mine.toml: users.stages), got "3s"',
        ),
    ],
)
def test_a_file_that_contradicts_its_own_stages_is_refused(write: Write, phases: str, line: str) -> None:
    """Only what a flag is laid over may give way."""
    assert complaint(write(f'[users]\nstages = ["30s:5"]\n[phases]\n{phases}\n')) == f"mine.toml: {line}"


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("30s", 'expected stages like "30s:500" or { within = "30s", count = 500 }, got "30s"'),
        ("30:5", 'expected a time like "30s", got "30:5"'),
        ("0s:5", "expected stages that take some time together, got 0s"),
        ("30s:", 'expected a whole number >= 0, got "30s:"'),
        ("30s:-5", 'expected a whole number >= 0, got "30s:-5"'),
        ("30s:0", "expected a stage with users, got none above 0"),
        ("", 'expected stages like "30s:500" or { within = "30s", count = 500 }, got ""'),
    ],
)
def test_a_wrong_stage_is_told_as_it_was_typed(typed: str, line: str) -> None:
    """The text, not what became of it."""
    assert complaint("fanout", CHATBENCH_STAGE=typed) == f"CHATBENCH_STAGE: {line}"
    assert complaint("fanout", {"users.stages": typed}) == f"--stage: {line}"


# --- presence -----------------------------------------------------------------------------------------------


def test_who_wants_to_know_who_is_there_joins_in_another_way(write: Write) -> None:
    """By the frame that the dialect has for it; everything else stays as it was."""
    one, other = (plan_of(settle(write(f"[users]\nwatch_presence = {wish}\n"), {}, {})) for wish in ("true", "false"))

    assert one.dialect.join is not None
    assert other.dialect.join is not None
    assert one.dialect.join.send == other.dialect.join.watch != other.dialect.join.send
    assert one.dialect.publish == other.dialect.publish


@pytest.mark.parametrize("dialect", ["plain", "echo"])
def test_a_dialect_that_cannot_tell_who_is_there_is_refused_where_it_is_asked(write: Write, dialect: str) -> None:
    """It has no frame for it."""
    scenario = write(f'[target]\ndialect = "{dialect}"\n[users]\nwatch_presence = true\n')

    assert complaint(scenario) == (
        f'mine.toml: users.watch_presence: expected false, since the dialect "{dialect}" has no join.watch, got true'
    )


# --- incidents ----------------------------------------------------------------------------------------------


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
