"""What cannot be settled is told in one line: the place, what was expected, what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.catalogue import catalogue
from scenarios.dialect_files import named_dialects
from tests.support.settled import Write, complaint


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
            "--payload: expected a whole number from 69 (the bytes of the marker) to 10,000,000, a list of "
            "1 to 64 of them, or a table like { median = 120 }, got 20",
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
