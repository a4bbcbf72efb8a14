"""The scenario file: what it may say, and how it is told that something is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from scenarios.catalogue import catalogue
from scenarios.explain import explained
from scenarios.schema import Scenario
from scenarios.settle import settle
from scenarios.validation import duration_ns, duration_text, fields_of, moment_ns, parse_toml, validate

# A file with something in every section.
THE_EXAMPLE = """
summary = "One busy room: every message goes to everyone."

[target]                 # left out: the embedded reference server
url = "http://127.0.0.1:8000"
dialect = "reference"

[users]
count = 500
connect_rate_per_s = 250
rooms = { shape = "single" }

[traffic]
loop = "open"
rate_per_s = 40
gaps = "exponential"
payload_bytes = 200

[phases]
warmup = "3s"
measure = "20s"
drain = "5s"

[[incident]]
at = "50%"
kind = "reconnect_storm"
share = 0.5
backoff = "exponential_jitter"

[budgets]
delivery_time = ["p(99) < 250ms"]
deliveries_lost = ["count == 0"]
"""

PAYLOADS = (
    "expected a whole number from 69 (the bytes of the marker) to 10,000,000, a list of 1 to 64 of them, "
    "or a table like { median = 120 }"
)

KINDS = (
    '"reconnect_storm", "herd_join", "abrupt_close", "half_open", "slow_readers", "token_expiry", "server_restart", '
    '"outage" or "announcement"'
)


def complaint(text: str) -> str:
    """What a scenario file with this text is told."""
    with pytest.raises(InputError) as refused:
        validate(Scenario, parse_toml(text, "bad.toml"), lambda key: f"bad.toml: {key}")
    return str(refused.value)


def test_the_example_of_the_product_page_is_a_scenario() -> None:
    """What is promised there can be typed off."""
    scenario = validate(Scenario, tomllib.loads(THE_EXAMPLE), str)

    assert scenario.users.count == 500
    assert scenario.phases.drain == 5 * 10**9
    assert scenario.budgets["delivery_time"] == ["p(99) < 250ms"]


def test_an_empty_file_is_a_scenario() -> None:
    """Every key has a default."""
    assert validate(Scenario, {}, str) == Scenario()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[users]\ncuont = 5", 'users.cuont: unknown key; did you mean "count"?'),
        ("[usres]\ncount = 5", 'usres: unknown key; did you mean "users"?'),
        ("[traffic]\nrate-per-s = 5", 'traffic.rate-per-s: unknown key; did you mean "rate_per_s"?'),
        ("count = 5", 'count: unknown key; did you mean "users.count"?'),
        (
            '[target]\nmetrics_url = "http://h/a b"',
            'target.metrics_url: expected an address like "http://127.0.0.1:8000/metrics", or "auto", '
            'got "http://h/a b"',
        ),
        (
            "[phases]\nzzz = 1",
            "phases.zzz: unknown key; there are warmup, measure, drain, time_scale",
        ),
        ('[users]\ncount = "many"', 'users.count: expected a whole number > 0, got "many"'),
        ("[users]\ncount = 0", "users.count: expected a whole number > 0, got 0"),
        ("[users]\ncount = 2.5", "users.count: expected a whole number > 0, got 2.5"),
        ("[users]\ncount = true", "users.count: expected a whole number > 0, got true"),
        ("[users]\nconnect_rate_per_s = 0", "users.connect_rate_per_s: expected a number > 0, got 0"),
        ("[users]\nrooms = 3", 'users.rooms: expected a table like { shape = "uniform", count = 2 }, got 3'),
        (
            '[users.rooms]\nshape = "pareto"',
            'users.rooms.shape: expected "single", "uniform", "zipf", "lognormal" or "own", got "pareto"',
        ),
        (
            '[users.rooms]\nshape = "lognormal"\ngiant = 1.5',
            "users.rooms.giant: expected a number >= 0 and <= 1, got 1.5",
        ),
        ("[traffic]\nrate_per_s = -1", "traffic.rate_per_s: expected a number > 0, got -1"),
        ("[traffic]\nrate_per_s = 0", "traffic.rate_per_s: expected a number > 0, got 0"),
        ("[traffic]\nrate_per_s = nan", "traffic.rate_per_s: expected a number > 0, got NaN"),
        ("[traffic]\nrate_per_s = inf", "traffic.rate_per_s: expected a number > 0, got Infinity"),
        ('[traffic]\nrate_per_s = "fast"', 'traffic.rate_per_s: expected a number > 0, got "fast"'),
        (
            "[traffic]\npayload_bytes = 60",
            f"traffic.payload_bytes: {PAYLOADS}, got 60",
        ),
        ("[traffic]\npayload_bytes = []", f"traffic.payload_bytes: {PAYLOADS}, got []"),
        ("[traffic]\npayload_bytes = [100, 60]", f"traffic.payload_bytes[1]: {PAYLOADS}, got 60"),
        (
            f"[traffic]\npayload_bytes = {[100] * 65}",
            f"traffic.payload_bytes: {PAYLOADS}, got {str([100] * 65)[:117]}...",
        ),
        (
            "[traffic]\npayload_bytes = { median = 60 }",
            "traffic.payload_bytes.median: expected a number from 69 (the bytes of the marker) to 10,000,000, got 60",
        ),
        (
            "[traffic]\npayload_bytes = { median = 100, sigma = -1 }",
            "traffic.payload_bytes.sigma: expected a number >= 0 and <= 5, got -1",
        ),
        (
            "[traffic]\npayload_bytes = { median = 100, a-b = 1 }",
            "traffic.payload_bytes.a-b: unknown key; there are median, sigma, most",
        ),
        ('[traffic]\nloop = "half"', 'traffic.loop: expected "open" or "closed", got "half"'),
        (
            '[traffic]\ngaps = "wide"',
            'traffic.gaps: expected "exponential", "constant", "pareto" or "think", got "wide"',
        ),
        ('[traffic]\ndeadline = "0s"', 'traffic.deadline: expected a time > 0 like "5s", got "0s"'),
        ('[phases]\nmeasure = "0s"', 'phases.measure: expected a time > 0 like "30s", got "0s"'),
        ('[phases]\nmeasure = "9999h"', 'phases.measure: expected a time > 0 like "30s", a year at most, got "9999h"'),
        ('[phases]\nmeasure = "30"', 'phases.measure: expected a time > 0 like "30s", got "30"'),
        ("[phases]\nmeasure = 30", 'phases.measure: expected a time > 0 like "30s", got 30'),
        ('[phases]\nwarmup = "-3s"', 'phases.warmup: expected a time like "3s", got "-3s"'),
        (
            '[run]\nprocesses = "all"',
            'run.processes: expected a whole number from 1 to 64, or "auto", got "all"',
        ),
        ("[run]\nprocesses = 0", 'run.processes: expected a whole number from 1 to 64, or "auto", got 0'),
        ("[run]\nprocesses = true", 'run.processes: expected a whole number from 1 to 64, or "auto", got true'),
        ('[run]\ntransport = "tcp"', 'run.transport: expected "picows" or "websockets", got "tcp"'),
        ("[run]\nabort_on_fail = 1", "run.abort_on_fail: expected true or false, got 1"),
        ("[run]\nevents = true", "run.events: expected the path of a file, got true"),
        ("[users]\ntokens_file = 5", "users.tokens_file: expected the path of a file with one token a line, got 5"),
        ("[target]\ncompression = 1", "target.compression: expected true or false, got 1"),
        (
            "[users]\nstages = 5",
            'users.stages: expected stages like "30s:500" or { within = "30s", count = 500 }, got 5',
        ),
        (
            '[users]\nstages = ["30s:5", "40s"]',
            'users.stages[1]: expected stages like "30s:500" or { within = "30s", count = 500 }, got "40s"',
        ),
        (
            '[users]\nstages = [{ within = "-1s", count = 5 }]',
            'users.stages[0].within: expected a time like "30s", got "-1s"',
        ),
        ('[users]\nstages = [{ within = "1s" }]', "users.stages[0].count: missing; expected a whole number >= 0"),
        (
            '[users]\nstages = ["1s:5", { within = "1s", cuont = 5 }]',
            "users.stages[1].count: missing; expected a whole number >= 0",
        ),
        (
            '[users]\nstages = [{ within = "1s", count = 5, cuont = 5 }]',
            'users.stages[0].cuont: unknown key; did you mean "count"?',
        ),
        (
            "[incident]",
            'incident: expected tables like [[incident]] with kind = "reconnect_storm", got {}',
        ),
        (
            "[[incident]]",
            f"incident[0].kind: missing; expected {KINDS}",
        ),
        (
            '[[incident]]\nkind = "storm"',
            f'incident[0].kind: expected {KINDS}, got "storm"',
        ),
        (
            '[[incident]]\nkind = "reconnect_storm"\n[[incident]]\nkind = "reconnect_storm"\nshare = 0',
            "incident[1].share: expected a number > 0 and <= 1, got 0",
        ),
        (
            '[[incident]]\nkind = "reconnect_storm"\nshare = nan',
            "incident[0].share: expected a number > 0 and <= 1, got NaN",
        ),
        (
            '[[incident]]\nkind = "reconnect_storm"\nshare = 1.5',
            "incident[0].share: expected a number > 0 and <= 1, got 1.5",
        ),
        (
            '[[incident]]\nkind = "reconnect_storm"\nbackoff = "linear"',
            'incident[0].backoff: expected "none", "constant" or "exponential_jitter", got "linear"',
        ),
        *(
            (
                f'[[incident]]\nkind = "reconnect_storm"\nat = {at}',
                'incident[0].at: expected a share of the measured window like "50%", or a time from its start like '
                f'"10s", got {at}',
            )
            for at in ('"half"', '"101%"', '"-5%"', '"50"', "50")
        ),
        (
            '[[incident]]\nkind = "reconnect_storm"\nbakcoff = "none"',
            'incident[0].bakcoff: unknown key; did you mean "backoff"?',
        ),
        ('[incidents]\nat = "5s"', 'incidents: unknown key; did you mean "incident"?'),
        ("[run]\nseed = -1", "run.seed: expected a whole number >= 0, got -1"),
        (
            "[target]\nurl = 80",
            'target.url: expected an address like "http://127.0.0.1:8000", or a list of them, got 80',
        ),
        (
            '[target]\nurl = ["http://x", 80]',
            'target.url: expected an address like "http://127.0.0.1:8000", or a list of them, got ["http://x", 80]',
        ),
        ('[target]\nheaders = "X: y"', "target.headers: expected a table of texts, got ***"),
        (
            "[budgets]\ndelivery_time = 250",
            'budgets.delivery_time: expected a limit like "p(99) < 250ms", or a list of them, got 250',
        ),
    ],
)
def test_what_is_wrong_is_named_in_one_line(text: str, line: str) -> None:
    """File, key path, what was expected and what was found, or the nearest key there is."""
    assert complaint(text) == f"bad.toml: {line}"


def test_what_is_no_toml_is_told_with_its_line() -> None:
    """The place where an editor should jump to."""
    line = complaint("[users]\ncount = \n")

    assert line.startswith("bad.toml: not a TOML file: ")
    assert "line 2" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "value_ns"),
    [("90s", 90 * 10**9), ("1h30m", 5400 * 10**9), ("250ms", 25 * 10**7), ("0s", 0), ("1.5s", 15 * 10**8)],
)
def test_a_duration_is_read(text: str, value_ns: int) -> None:
    """Number and unit, several in a row."""
    assert duration_ns(text) == value_ns


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 s", "5d", "1e3s", "5s!"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A number without a unit is a guess."""
    with pytest.raises(ValueError, match="not a duration"):
        duration_ns(text)


@pytest.mark.parametrize("value_ns", [0, 1, 1500, 999_999_999, 90 * 10**9, 3600 * 10**9, 86_400 * 10**9 + 1])
def test_a_duration_is_written_as_it_can_be_read(value_ns: int) -> None:
    """What the document shows can be typed into a scenario."""
    assert duration_ns(duration_text(value_ns)) == value_ns


@pytest.mark.parametrize("name", catalogue())
def test_show_explains_every_key_and_is_a_scenario_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its output, saved to a file, is the same scenario; each key has a meaning and what it expects."""
    for variable in ("CHATBENCH_USERS", "CHATBENCH_TARGET"):
        monkeypatch.delenv(variable, raising=False)

    text = explained(name)

    assert tomllib.loads(text) == tomllib.loads(catalogue()[name])
    lines = text.splitlines()
    for key, field in fields_of(Scenario):
        if key != "summary":
            assert any(line.startswith(f"# {key}") for line in lines), key
        assert _expected(field), key
        assert field.description, key


def _expected(field: Any) -> str | None:
    return (field.json_schema_extra or {}).get("expected")


def test_show_writes_lists_of_tables_as_toml_does(tmp_path: Path) -> None:
    """So that a value can be typed off."""
    path = tmp_path / "mine.toml"
    path.write_text(
        '[users]\nstages = ["30s:5"]\n[[incident]]\nkind = "reconnect_storm"\n'
        '[target]\nurl = ["http://127.0.0.1:1", "http://127.0.0.1:2"]\n',
        encoding="utf-8",
    )

    lines = explained(str(path)).splitlines()

    assert '# users.stages = [{ within = "30s", count = 5 }]  (file)' in lines
    assert "# users.stages[].within" in lines
    assert '# target.url = ["http://127.0.0.1:1", "http://127.0.0.1:2"]  (file)' in lines
    assert any(line.startswith('# incident = [{ at = "50%", kind = "reconnect_storm", share = 0.5,') for line in lines)


@pytest.mark.parametrize(
    ("text", "whole_ns", "at_ns"),
    [("50%", 20, 10), ("0%", 20, 0), ("100%", 20, 20), ("12.5%", 80, 10), (" 5% ", 100, 5), ("10s", 1, 10**10)],
)
def test_a_moment_is_a_share_or_a_time(text: str, whole_ns: int, at_ns: int) -> None:
    """Of a window, or from its start."""
    assert moment_ns(text, whole_ns) == at_ns


@pytest.mark.parametrize("name", catalogue())
def test_every_scenario_of_the_catalogue_settles(name: str) -> None:
    """And says in a sentence what it asks, and has a budget for time and one for loss."""
    settled = settle(name, {}, {})

    assert settled.summary.endswith((".", "?"))
    assert {"delivery_time", "deliveries_lost"} <= {budget.metric for budget in settled.budgets}


def test_a_port_may_come_with_an_address() -> None:
    """Else it is one of this machine alone."""
    told = validate(Scenario, {"run": {"prometheus_port": "0.0.0.0:9464", "web": "auto"}}, str)

    assert (told.run.prometheus_port, told.run.web) == ("0.0.0.0:9464", "auto")
