"""The scenario file: what it may say, and how it is told that something is wrong."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from loadgen.errors import InputError
from scenarios.catalogue import catalogue
from scenarios.explain import explained
from scenarios.schema import Scenario
from scenarios.settle import settle
from scenarios.validation import duration_ns, duration_text, fields_of, parse_toml, validate

# The example of product.md, but for what is not built yet: mix and incident.
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

[budgets]
delivery_time = ["p(99) < 250ms"]
deliveries_lost = ["count == 0"]
"""


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
            "[phases]\nzzz = 1",
            "phases.zzz: unknown key; there are warmup, measure, drain",
        ),
        ('[users]\ncount = "many"', 'users.count: expected a whole number > 0, got "many"'),
        ("[users]\ncount = 0", "users.count: expected a whole number > 0, got 0"),
        ("[users]\ncount = 2.5", "users.count: expected a whole number > 0, got 2.5"),
        ("[users]\ncount = true", "users.count: expected a whole number > 0, got true"),
        ("[users]\nconnect_rate_per_s = 0", "users.connect_rate_per_s: expected a number > 0, got 0"),
        ("[users]\nrooms = 3", 'users.rooms: expected a table like { shape = "uniform", count = 2 }, got 3'),
        ('[users.rooms]\nshape = "zipf"', 'users.rooms.shape: expected "single" or "uniform", got "zipf"'),
        ("[traffic]\nrate_per_s = -1", "traffic.rate_per_s: expected a number > 0, got -1"),
        ("[traffic]\nrate_per_s = 0", "traffic.rate_per_s: expected a number > 0, got 0"),
        ("[traffic]\nrate_per_s = nan", "traffic.rate_per_s: expected a number > 0, got NaN"),
        ("[traffic]\nrate_per_s = inf", "traffic.rate_per_s: expected a number > 0, got Infinity"),
        ('[traffic]\nrate_per_s = "fast"', 'traffic.rate_per_s: expected a number > 0, got "fast"'),
        (
            "[traffic]\npayload_bytes = 60",
            "traffic.payload_bytes: expected a whole number >= 61, the bytes of the marker, got 60",
        ),
        ('[traffic]\nloop = "closed"', 'traffic.loop: expected "open", got "closed"'),
        ('[traffic]\ngaps = "wide"', 'traffic.gaps: expected "exponential" or "constant", got "wide"'),
        ('[traffic]\ndeadline = "0s"', 'traffic.deadline: expected a time > 0 like "5s", got "0s"'),
        ('[phases]\nmeasure = "0s"', 'phases.measure: expected a time > 0 like "30s", got "0s"'),
        ('[phases]\nmeasure = "30"', 'phases.measure: expected a time > 0 like "30s", got "30"'),
        ("[phases]\nmeasure = 30", 'phases.measure: expected a time > 0 like "30s", got 30'),
        ('[phases]\nwarmup = "-3s"', 'phases.warmup: expected a time like "3s", got "-3s"'),
        ("[run]\nprocesses = 2", "run.processes: expected 1 (several processes are not built yet), got 2"),
        ("[run]\nseed = -1", "run.seed: expected a whole number >= 0, got -1"),
        ("[target]\nurl = 80", 'target.url: expected an address like "http://127.0.0.1:8000", got 80'),
        ('[target]\nheaders = "X: y"', 'target.headers: expected a table of texts, got "X: y"'),
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


@pytest.mark.parametrize("name", catalogue())
def test_every_scenario_of_the_catalogue_settles(name: str) -> None:
    """And says in a sentence what it asks, and has a budget for time and one for loss."""
    settled = settle(name, {}, {})

    assert settled.summary.endswith((".", "?"))
    assert {"delivery_time", "deliveries_lost"} <= {budget.metric for budget in settled.budgets}
