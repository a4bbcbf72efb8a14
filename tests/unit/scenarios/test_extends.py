"""Scenario files laid over one another: what beats what, and which file an error names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.errors import InputError
from scenarios.catalogue import catalogue
from scenarios.explain import explained
from scenarios.extends import laid_over, read_scenario
from scenarios.layers import Files, leaves
from scenarios.settle import Settled, settle

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file below a folder of the test's own, which is where we are; its name."""
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    return write_file


def complaint(scenario: str) -> str:
    """What is told instead of a plan, in one line."""
    with pytest.raises(InputError) as refused:
        settle(scenario, {}, {})
    line = str(refused.value)
    assert "\n" not in line
    return line


def row(settled: Settled, key: str) -> tuple[Any, str]:
    return settled.rows[key]["value"], settled.rows[key]["origin"]


def test_a_file_says_only_what_is_special_about_it(write: Write) -> None:
    """The rest is as the other one has it; both are files."""
    settled = settle(write("mine.toml", 'extends = "fanout"\n[users]\ncount = 50'), {}, {})

    assert settled.name == "mine"
    assert row(settled, "extends") == ("fanout", "file")
    assert row(settled, "users.count") == (50, "file")
    assert row(settled, "users.connect_rate_per_s") == (250.0, "file")
    assert row(settled, "phases.measure") == ("20s", "file")
    assert row(settled, "traffic.deadline") == ("5s", "default")
    assert settled.summary == settle("fanout", {}, {}).summary


def test_tables_are_merged_while_lists_and_limits_replace(write: Write) -> None:
    """The limits of one metric replace those of that metric, and leave the others."""
    write(
        "base.toml",
        '[traffic.mix]\nmessage = 0.5\ndirect = 0.5\n[users]\nmore_rooms = [{ shape = "own" }, { shape = "own" }]\n'
        '[budgets]\ndelivery_time = ["p(50) < 1s", "p(99) < 2s"]\ndeliveries_lost = "count == 0"',
    )
    settled = settle(
        write(
            "mine.toml",
            'extends = "base.toml"\n[traffic.mix]\ndirect = 0.1\n[users]\nmore_rooms = [{}]\n'
            '[budgets]\ndelivery_time = "p(50) < 3s"',
        ),
        {},
        {},
    )

    assert (settled.scenario.traffic.mix.message, settled.scenario.traffic.mix.direct) == (0.5, 0.1)
    assert len(settled.scenario.users.more_rooms) == 1
    assert [budget.expression for budget in settled.budgets] == [
        "delivery_time: p(50) < 3s",
        "deliveries_lost: count == 0",
    ]


def test_a_path_is_relative_to_the_file_that_names_it(write: Write) -> None:
    """Wherever we are, and however many lie over one another."""
    write("deep/base.toml", 'extends = "smoke"\n[users]\ncount = 7')
    write("deep/middle.toml", 'extends = "base.toml"\n[traffic]\nrate_per_s = 3')
    settled = settle(write("mine.toml", 'extends = "deep/middle.toml"\n[phases]\nmeasure = "1s"'), {}, {})

    assert (settled.scenario.users.count, settled.scenario.traffic.rate_per_s) == (7, 3)
    assert settled.scenario.users.rooms.count == 2
    assert read_scenario("mine.toml")[1].beneath == ("deep/middle.toml", "deep/base.toml", "smoke.toml")


def test_a_file_may_have_a_name_of_the_catalogue(write: Write) -> None:
    """It is another file, so this is no circle."""
    settled = settle(write("fanout.toml", 'extends = "fanout"\n[users]\ncount = 9'), {}, {})

    assert settled.scenario.users.count == 9


def test_a_circle_is_told_with_all_of_it(write: Write) -> None:
    """Also where a file names itself, or another by two names."""
    write("deep/b.toml", 'extends = "../c.toml"')
    write("c.toml", 'extends = "deep/../a.toml"')

    assert complaint(write("a.toml", 'extends = "deep/b.toml"')) == (
        "deep/../c.toml: extends: expected a file that leads to an end, got a.toml -> deep/b.toml -> deep/../c.toml "
        "-> deep/../deep/../a.toml"
    )
    assert complaint(write("own.toml", 'extends = "own.toml"')) == (
        "own.toml: extends: expected a file that leads to an end, got own.toml -> own.toml"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("extends = 5", "mine.toml: extends: expected a name of the catalogue or the path of a file, got 5"),
        ('extends = ""', 'mine.toml: extends: expected a name of the catalogue or the path of a file, got ""'),
        (
            'extends = "fanuot"',
            'mine.toml: extends: unknown scenario "fanuot"; did you mean "fanout"? '
            f"(catalogue: {', '.join(catalogue())}; or the path of a file)",
        ),
        (
            'extends = "deep/no.toml"',
            "mine.toml: extends: deep/no.toml: cannot read the scenario: No such file or directory",
        ),
        ('extends = "deep/broken.toml"', "deep/broken.toml: not a TOML file: "),
        ('extends = "deep/wrong.toml"', "deep/wrong.toml: users.count: expected a whole number > 0, got 0"),
        (
            'extends = "deep/wrong.toml"\n[users]\ncount = -1',
            "mine.toml: users.count: expected a whole number > 0, got -1",
        ),
        ('extends = "deep/typo.toml"', 'deep/typo.toml: usres: unknown key; did you mean "users"?'),
        (
            'extends = "deep/list.toml"',
            "deep/list.toml: users.more_rooms[1].count: expected a whole number > 0, got 0",
        ),
        (
            'extends = "smoke"\n[users]\ncount = 1',
            "smoke.toml: users.rooms.count: expected at most a room a user (1), got 2",
        ),
    ],
)
def test_an_error_names_the_file_in_which_the_value_stands(write: Write, text: str, line: str) -> None:
    """That is where it is put right."""
    write("deep/broken.toml", "[users\n")
    write("deep/wrong.toml", "[users]\ncount = 0")
    write("deep/typo.toml", "[usres]\ncount = 1")
    write("deep/list.toml", "[users]\nmore_rooms = [{}, { count = 0 }]")

    assert complaint(write("mine.toml", text)).startswith(line)


@pytest.mark.parametrize(
    ("base", "text", "key", "value"),
    [
        ('[phases]\nwarmup = "3s"\nmeasure = "9s"', '[users]\nstages = ["4s:5"]', "phases.measure", "4s"),
        ("[traffic]\nper_user_per_min = 6", "[traffic]\nrate_per_s = 5", "traffic.rate_per_s", 5.0),
        (
            "[traffic]\nrate_per_s = 5",
            "[users]\ncount = 10\n[traffic]\nper_user_per_min = 6",
            "traffic.rate_per_s",
            1.0,
        ),
        ('[users]\nrooms = { shape = "zipf", count = 9, exponent = 2 }', '[users]\nrooms = { shape = "single" }',
         "users.rooms.count", 1),
        ('[users]\nrooms = { shape = "zipf", count = 9 }', '[users]\nrooms = { shape = "zipf", exponent = 2 }',
         "users.rooms.count", 9),
        ('[traffic]\ngaps = "pareto"\nalpha = 1.5', '[traffic]\ngaps = "constant"', "traffic.alpha", None),
        ('[traffic]\ngaps = "pareto"\nalpha = 1.5', '[traffic]\ngaps = "pareto"', "traffic.alpha", 1.5),
        ("[traffic]\nper_user_per_min = 6", '[traffic]\ngaps = "think"', "traffic.per_user_per_min", None),
        ('[traffic]\nrate_stages = ["1s:5"]', "[traffic]\nper_user_per_min = 6", "traffic.rate_stages", []),
        ("[sweep]\npayload_bytes = [100, 200]", "[traffic]\npayload_bytes = 300", "traffic.payload_bytes", 300),
    ],
)  # fmt: skip
def test_what_contradicts_a_file_beneath_takes_its_place(
    write: Write, base: str, text: str, key: str, value: object
) -> None:
    """Side by side in one file they would be refused."""
    write("base.toml", base)
    settled = settle(write("mine.toml", f'extends = "base.toml"\n{text}'), {}, {})

    assert settled.rows[key]["value"] == value
    assert settled.sweep is None


def test_a_sweep_takes_the_place_of_another(write: Write) -> None:
    """There is one at a time."""
    write("base.toml", "[sweep]\npayload_bytes = [100, 200]")
    settled = settle(write("mine.toml", 'extends = "base.toml"\n[sweep]\nrate_per_s = [1, 2]'), {}, {})

    assert settled.sweep is not None
    assert (settled.sweep.key, settled.sweep.values) == ("traffic.rate_per_s", (1, 2))


def test_show_prints_the_file_and_says_what_it_lies_over(write: Write) -> None:
    """So that one knows where to look for the rest."""
    text = 'extends = "smoke"\n[users]\ncount = 50\n'
    shown = explained(write("mine.toml", text))

    assert text in shown
    assert "# What is not said above stands in smoke.toml." in shown
    assert "# users.count = 50  (file)" in shown
    assert "# users.rooms.count = 2  (file)" in shown


NAMES = st.sampled_from("abc")
TABLES = st.recursive(
    st.dictionaries(NAMES, st.integers() | st.lists(st.integers(), max_size=2), max_size=3),
    lambda inner: st.dictionaries(NAMES, inner | st.integers(), max_size=3),
    max_leaves=8,
)


@given(TABLES, TABLES)
def test_every_value_above_is_there_and_every_other_one_stays(beneath: dict[str, Any], above: dict[str, Any]) -> None:
    """And each knows its place; neither file is changed."""
    before = repr((beneath, above))
    under = Files("under", beneath, {key: "under" for key, _ in leaves(beneath)})
    merged = laid_over(under, "over", above, {key: "over" for key, _ in leaves(above)})
    values = dict(leaves(merged.tables))

    assert repr((beneath, above)) == before
    assert set(merged.places) == set(values)
    for key, value in leaves(above):
        if value != {}:
            assert values[key] == value
            assert merged.places[key] == "over"
    for key, value in values.items():
        if merged.places[key] == "under":
            assert dict(leaves(beneath))[key] == value
