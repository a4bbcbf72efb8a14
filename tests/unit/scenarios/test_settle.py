"""How file, environment and flags become a plan, and what is told where they cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from scenarios.catalogue import catalogue
from scenarios.layers import FLAGS
from scenarios.settle import Settled, base_url_of, settle

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


def complaint(scenario: str, flags: dict[str, Any] | None = None, **environ: str) -> str:
    """What is told instead of a plan; always one line."""
    with pytest.raises(InputError) as refused:
        settle(scenario, flags or {}, environ)
    line = str(refused.value)
    assert "\n" not in line
    return line


def row(settled: Settled, key: str) -> tuple[Any, str]:
    return settled.rows[key]["value"], settled.rows[key]["origin"]


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
            '[users]\ncount = 4\nrooms = { shape = "uniform", count = 5 }',
            "users.rooms.count: expected at most a room a user (4), got 5",
        ),
        (
            '[target]\ndialect = "echo"\n[users]\nrooms = { shape = "uniform", count = 2 }',
            'users.rooms.count: expected 1, since the dialect "echo" has no join and all users share one room, got 2',
        ),
        (
            '[target]\ndialect = "plian"',
            'target.dialect: unknown dialect "plian"; did you mean "plain"? '
            "(built in: echo, plain, reference; or the path of a dialect file)",
        ),
        (
            '[target]\nurl = "127.0.0.1:8000"',
            'target.url: expected an address like "http://127.0.0.1:8000" or "wss://chat.example.org", '
            'got "127.0.0.1:8000"',
        ),
        (
            '[target]\nheaders = { "X Y" = "z" }',
            'target.headers.X Y: expected the name and value of an HTTP header, got "X Y: z"',
        ),
        (
            '[target]\nheaders = { X = "a\\r\\nY: b" }',
            'target.headers.X: expected the name and value of an HTTP header, got "X: a\\r\\nY: b"',
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
            "--payload: expected a whole number >= 61, the bytes of the marker, got 20",
        ),
        ("phases.measure", "0s", '--duration: expected a time > 0 like "30s", got "0s"'),
        ("run.processes", "auto", '--processes: expected 1 (several processes are not built yet), got "auto"'),
        ("users.rooms.count", "501", "--rooms: expected at most a room a user (500), got 501"),
        (
            "target.url",
            "http://[::1",
            '--target: expected an address like "http://127.0.0.1:8000" or "wss://chat.example.org", got "http://[::1"',
        ),
        (
            "target.headers",
            {"a": "b\nc"},
            '--header: expected the name and value of an HTTP header, got "a: b\\nc"',
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
        ("CHATBENCH_HEADER", "X", 'CHATBENCH_HEADER: expected "Name: value", got "X"'),
        ("CHATBENCH_BUDGET", "x", 'CHATBENCH_BUDGET: expected "METRIC: AGG OP VALUE"'),
        ("CHATBENCH_DIALECT", "none", 'CHATBENCH_DIALECT: unknown dialect "none"'),
    ],
)
def test_a_wrong_variable_is_told_by_the_name_of_the_variable(variable: str, text: str, line: str) -> None:
    """It may have been set in a file far away."""
    assert complaint("fanout", **{variable: text}).startswith(line)


def test_more_users_than_files_may_be_open_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limit, and where it is set; never a crash in the middle of connecting."""
    monkeypatch.setattr("scenarios.settle.sockets_per_process", lambda: 100)

    assert complaint("fanout", {"users.count": 101}) == (
        "--users: expected at most 100, the sockets that one process may open here (ulimit -Hn), got 101"
    )
    assert settle("fanout", {"users.count": 100}, {}).scenario.users.count == 100


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("ann,secret\nbob\n", "users.csv: line 2: expected username,password, got 'bob'"),
        ("ann,secret\n\n,pw\n", "users.csv: line 3: expected username,password, got ',pw'"),
        ("ann,a,b\n", "users.csv: line 1: expected username,password, got 'ann,a,b'"),
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
    assert settle(scenario, flags, environ).plan_for("http://x", "abcdef").user_count == 40


_VALUES: dict[str, tuple[str, Any]] = {
    "target.url": ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    "target.dialect": ("reference", "reference"),
    "target.insecure": ("true", True),
    "users.count": ("7", 7),
    "users.connect_rate_per_s": ("7.5", 7.5),
    "users.rooms.count": ("3", 3),
    "users.file": ("users.csv", "users.csv"),
    "traffic.loop": ("open", "open"),
    "traffic.rate_per_s": ("7", 7),
    "traffic.payload_bytes": ("77", 77),
    "traffic.deadline": ("7s", "7s"),
    "phases.warmup": ("0s", "0s"),
    "phases.measure": ("90s", "90s"),
    "phases.drain": ("1m", "1m"),
    "run.seed": ("7", 7),
    "run.processes": ("1", 1),
    "run.out": ("out", "out"),
    "run.force": ("true", True),
    "run.html": ("false", False),
    "run.plots": ("false", False),
    "run.print_json": ("true", True),
    "run.quiet": ("true", True),
}


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.key in _VALUES], ids=lambda flag: flag.name)
def test_every_flag_has_a_variable_that_does_the_same(here: Path, flag: Any) -> None:
    """One table knows them all, so that none is forgotten."""
    (here / "users.csv").write_text("ann,secret\n", encoding="utf-8")
    text, value = _VALUES[flag.key]

    by_variable = settle("smoke", {}, {flag.variable: text})
    by_flag = settle("smoke", {flag.key: text}, {flag.variable: text})

    assert row(by_variable, flag.key) == (value, "env")
    assert row(by_flag, flag.key) == (value, "flag")
    assert by_variable.scenario == by_flag.scenario


def test_no_flag_is_missing_from_that_table() -> None:
    """Headers and budgets are lists, and have tests of their own."""
    assert {flag.key for flag in FLAGS} == {*_VALUES, "target.headers", "budgets"}


def test_an_empty_table_in_a_file_says_nothing(write: Write) -> None:
    """What is not written there is a default, whatever headings stand around it."""
    settled = settle(write("[users]\n[target]\nheaders = {}\n"), {}, {})

    assert row(settled, "users.count") == (500, "default")
    assert row(settled, "target.dialect") == ("reference", "default")


def test_headers_of_a_flag_take_the_place_of_the_files(write: Write) -> None:
    """As every flag does; the origin is the flag's, also of a name that the file has."""
    scenario = write('[target]\nheaders = { X = "file", Y = "file" }\n')

    by_file = settle(scenario, {}, {})
    by_flag = settle(scenario, {"target.headers": {"X": "flag"}}, {})
    by_env = settle(scenario, {}, {"CHATBENCH_HEADER": "X: env"})

    assert row(by_file, "target.headers.X") == ("file", "file")
    assert row(by_flag, "target.headers.X") == ("flag", "flag")
    assert row(by_env, "target.headers.X") == ("env", "env")
    assert by_flag.plan_for("http://x", "abcdef").headers == (("X", "flag"),)


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

    assert settled.plan_for("http://x", "abcdef").rate_per_s == 1.0
    assert settled.rows["traffic.rate_per_s"]["value"] == 1.0


def test_a_rate_of_a_flag_beats_a_rate_for_each_user_of_the_file(write: Write) -> None:
    """No contradiction: a flag beats the file."""
    settled = settle(write("[traffic]\nper_user_per_min = 6\n"), {"traffic.rate_per_s": "3"}, {})

    assert settled.plan_for("http://x", "abcdef").rate_per_s == 3
    assert row(settled, "traffic.rate_per_s") == (3, "flag")


def test_a_number_of_rooms_beats_the_shape_of_the_file(write: Write) -> None:
    """--rooms N is N rooms of equal size, whatever the file says."""
    scenario = write('[users]\ncount = 10\nrooms = { shape = "single" }\n')

    settled = settle(scenario, {"users.rooms.count": "3"}, {})

    assert row(settled, "users.rooms.shape") == ("uniform", "flag")
    assert row(settled, "users.rooms.count") == (3, "flag")
    assert settled.plan_for("http://x", "abcdef").room_count == 3


def test_a_dialect_file_with_a_join_may_have_many_rooms(here: Path) -> None:
    """Only one without cannot."""
    (here / "rooms.toml").write_text(ROOMS_DIALECT, encoding="utf-8")

    settled = settle("smoke", {"target.dialect": "rooms.toml", "users.rooms.count": 3}, {})

    assert settled.plan_for("http://x", "abcdef").dialect.name == "rooms"


def test_users_take_the_accounts_of_a_file_in_turn(here: Path) -> None:
    """Names and passwords as they stand there, quotes and commas included."""
    (here / "users.csv").write_text('ann,"a,b"\n\nbob,c\n', encoding="utf-8")

    settled = settle("smoke", {"users.file": "users.csv"}, {})

    assert settled.plan_for("http://x", "abcdef").accounts == (("ann", "a,b"), ("bob", "c"))


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
