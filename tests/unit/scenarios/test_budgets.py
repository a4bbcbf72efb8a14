"""Budgets from scenario, shared file, variable and flag: which hold, and what is told where one cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from scenarios.explain import explained
from scenarios.settle import Settled, settle

Write = Callable[[str, str], str]

# A room of one hundred and one, three of three, messages to one user, and two things over time.
VARIED = """
[users]
count = 110
rooms = { shape = "lognormal", median = 3, sigma = 0, giant = 0.918 }
[traffic]
mix = { message = 0.9, direct = 0.1 }
rate_stages = ["5s:40", "0s:60", "5s:80"]
[phases]
measure = "20s"
[[incident]]
kind = "reconnect_storm"
at = "50%"
"""
PLAIN = '[users]\ncount = 20\n[phases]\nwarmup = "0s"\n'


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


def expressions(settled: Settled) -> list[str]:
    return [budget.expression for budget in settled.budgets]


def complaint(scenario: str, flags: dict[str, Any] | None = None, **environ: str) -> str:
    """What is told instead of a plan, in one line."""
    with pytest.raises(InputError) as refused:
        settle(scenario, flags or {}, environ)
    line = str(refused.value)
    assert "\n" not in line
    return line


# --- slices -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "budget",
    [
        "delivery_time{room: small}: max < 1s",
        "delivery_time{room: large}: max < 1s",
        "delivery_time{room: direct}: max < 1s",
        "delivery_time{stage: 3}: max < 1s",
        "deliveries_lost{incident: 1}: count == 0",
        "deliveries_lost{incident: none}: count == 0",
        "join_time{phase: join}: max < 1s",
        "reconnects{phase: drain}: count == 0",
        "send_lateness{phase: measure}: max < 1s",
    ],
)
def test_a_slice_that_the_plan_has_can_be_judged(write: Write, budget: str) -> None:
    """Rooms of the plan's sizes, its stages, incidents and phases."""
    assert expressions(settle(write("mine.toml", VARIED), {"budgets": [budget]}, {})) == [budget]


@pytest.mark.parametrize(
    ("budget", "line"),
    [
        (
            "delivery_time{room:huge}:max<1s",
            "--budget: delivery_time{room: huge}: expected one of the rooms of this scenario (small, large, direct), "
            "got huge",
        ),
        ("delivery_time{stage: 4}: max < 1s", "expected one of the stages of this scenario (1, 3), got 4"),
        ("delivery_time{stage: 2}: max < 1s", "(1, 3), got 2"),  # a step takes no time
        ("delivery_time{incident: 2}: max < 1s", "expected one of the incidents of this scenario (1, none), got 2"),
    ],
)
def test_a_slice_that_the_plan_does_not_have_is_refused(write: Write, budget: str, line: str) -> None:
    """Before anything starts: at the end there would be no data."""
    assert complaint(write("mine.toml", VARIED), {"budgets": [budget]}).endswith(line)


@pytest.mark.parametrize(
    ("budget", "line"),
    [
        ("delivery_time{stage: 1}: max < 1s", "expected no stage, since the scenario has no stages, got 1"),
        (
            "delivery_time{node: other}: max < 1s",
            "expected no node, since the server has one (two --target, target.nodes or the dialect's connect.node make "
            "several), got other",
        ),
        (
            "delivery_time{incident: none}: max < 1s",
            "expected no incident, since the scenario has no incidents, got none",
        ),
        ("delivery_time{room: direct}: max < 1s", "expected one of the rooms of this scenario (medium), got direct"),
        (
            "login_time{phase: warmup}: max < 1s",
            "expected one of the phases of this scenario (login, connect, join, measure, drain), got warmup",
        ),
    ],
)
def test_a_plain_scenario_says_what_it_has(write: Write, budget: str, line: str) -> None:
    """One room, no stages, no incidents, no warm-up."""
    assert complaint(write("mine.toml", PLAIN), {"budgets": [budget]}).endswith(line)


def test_the_only_class_of_rooms_can_be_judged(write: Write) -> None:
    """It is the whole; whoever shares a budget between scenarios need not know."""
    flags = {"budgets": ["delivery_time{room: medium}: max < 1s"]}

    assert expressions(settle(write("mine.toml", PLAIN), flags, {})) == flags["budgets"]


def test_with_stages_nobody_comes_before_the_window(write: Write) -> None:
    """So there is no phase in which all log in, connect or join."""
    scenario = write("mine.toml", '[users]\nstages = ["5s:20", "5s:0"]\n')

    assert complaint(scenario, {"budgets": ["connect_time{phase: connect}: max < 1s"]}).endswith(
        "(measure, drain), got connect"
    )
    assert settle(scenario, {"budgets": ["delivery_time{stage: 2}: max < 1s"]}, {}).budgets


def test_stages_of_users_and_of_the_rate_are_not_told_apart_together(write: Write) -> None:
    """Nobody would know which are meant."""
    text = '[users]\nstages = ["5s:20"]\n[traffic]\nrate_stages = ["2s:80"]\n'
    scenario = write("mine.toml", text)

    assert "since users and the rate have stages of their own here" in complaint(
        scenario, {"budgets": ["delivery_time{stage: 1}: max < 1s"]}
    )


def test_where_no_messages_are_sent_there_is_nothing_to_slice(write: Write) -> None:
    """Of presence alone nobody keeps books."""
    scenario = write("mine.toml", "[traffic]\nmix = { presence = 1 }\n")

    assert complaint(scenario, {"budgets": ["delivery_time{room: large}: max < 1s"]}).endswith(
        "expected no room, since no messages are sent, got large"
    )


def test_a_slice_of_the_file_is_refused_where_it_stands(write: Write) -> None:
    """With the file and the key."""
    scenario = write("mine.toml", PLAIN + '[budgets]\n"delivery_time{stage:2}" = "max < 1s"\n')

    assert complaint(scenario).startswith("mine.toml: budgets.delivery_time{stage: 2}: expected no stage")


def test_a_flag_replaces_the_limits_of_the_same_slice_alone(write: Write) -> None:
    """However its name is spelled; the whole and the other slices keep theirs."""
    budgets = (
        '[budgets]\ndelivery_time = "max < 9s"\n"delivery_time{room:small}" = ["max < 1s", "med < 1s"]\n'
        '"delivery_time{ room: large }" = "max < 2s"\n'
    )
    flags = {"budgets": ["delivery_time{ room:small }:max<3s"]}

    assert expressions(settle(write("mine.toml", VARIED + budgets), flags, {})) == [
        "delivery_time: max < 9s",
        "delivery_time{room: large}: max < 2s",
        "delivery_time{room: small}: max < 3s",
    ]


def test_a_file_over_another_replaces_the_limits_of_the_same_slice_alone(write: Write) -> None:
    """As a flag does; spelling is of no importance there either."""
    write("below.toml", VARIED + '[budgets]\n"delivery_time{room:small}" = "max < 1s"\ndelivery_time = "max < 9s"\n')
    above = write("above.toml", 'extends = "below.toml"\n[budgets]\n"delivery_time{room: small}" = "max < 2s"\n')

    assert sorted(expressions(settle(above, {}, {}))) == [
        "delivery_time: max < 9s",
        "delivery_time{room: small}: max < 2s",
    ]


def test_a_slice_that_stands_twice_in_a_file_is_refused(write: Write) -> None:
    """Spelled otherwise it is the same one, and TOML does not see that."""
    twice = '[budgets]\n"delivery_time{room:medium}" = "max < 1s"\n"delivery_time{room: medium}" = "max < 2s"\n'

    assert complaint(write("mine.toml", PLAIN + twice)) == (
        "mine.toml: budgets.delivery_time{room: medium}: expected its limits in one list, got "
        '"delivery_time{room: medium}" a second time'
    )


# --- a file for many scenarios ------------------------------------------------------------------------------------

SHARED = """
deliveries_lost = "count == 0"
delivery_time = ["p(50) < 20ms", "p(99) < 250ms"]
[scenario.mine]
delivery_time = "p(99) < 100ms"
"delivery_time{room: medium}" = "max < 1s"
[scenario.other]
login_time = "max < 1s"
"""
OF_FILE = PLAIN + '[budgets]\ndelivery_time = "max < 9s"\nconnect_time = "max < 9s"\ndeliveries_lost = "count < 9"\n'


def test_a_shared_file_is_laid_over_the_scenario_and_flags_over_both(write: Write) -> None:
    """For each metric and slice the last that says something; and the document knows who said it."""
    write("shared.toml", SHARED)
    flags = {"run.budgets_file": "shared.toml", "budgets": ["deliveries_lost: count < 5"]}

    settled = settle(write("mine.toml", OF_FILE), flags, {})

    assert expressions(settled) == [
        "connect_time: max < 9s",
        "delivery_time: p(99) < 100ms",
        "delivery_time{room: medium}: max < 1s",
        "deliveries_lost: count < 5",
    ]
    origins = {key: (row["value"], row["origin"]) for key, row in settled.rows.items() if key.startswith("budgets.")}
    assert origins == {
        "budgets.connect_time": (["max < 9s"], "file"),
        "budgets.delivery_time": (["p(99) < 100ms"], "budgets"),
        "budgets.delivery_time{room: medium}": (["max < 1s"], "budgets"),
        "budgets.deliveries_lost": (["count < 5"], "flag"),
    }
    assert settled.rows["budgets"] == {"value": expressions(settled), "origin": "flag"}


def test_what_is_of_another_scenario_does_not_hold(write: Write) -> None:
    """And what is of all does."""
    write("shared.toml", SHARED)

    assert expressions(settle(write("third.toml", PLAIN), {"run.budgets_file": "shared.toml"}, {})) == [
        "deliveries_lost: count == 0",
        "delivery_time: p(50) < 20ms",
        "delivery_time: p(99) < 250ms",
    ]


def test_the_variable_names_the_file_as_the_flag_does(write: Write) -> None:
    """And a flag beats it."""
    write("shared.toml", SHARED)
    write("strict.toml", 'delivery_time = "max < 1ms"\n')
    scenario = write("mine.toml", PLAIN)

    by_variable = settle(scenario, {}, {"CHATBENCH_BUDGETS": "shared.toml"})
    by_flag = settle(scenario, {"run.budgets_file": "strict.toml"}, {"CHATBENCH_BUDGETS": "shared.toml"})

    assert len(by_variable.budgets) == 3
    assert expressions(by_flag) == ["delivery_time: max < 1ms"]


def test_a_scenario_names_the_file_from_where_it_stands_itself(write: Write) -> None:
    """Wherever the command is run, and though another file in another folder extends it."""
    write("base/shared.toml", SHARED)
    write("base/mine.toml", PLAIN + '[run]\nbudgets_file = "shared.toml"\n')
    extending = write("over/mine.toml", 'extends = "../base/mine.toml"\n')

    for scenario in ("base/mine.toml", extending):
        settled = settle(scenario, {}, {})
        assert expressions(settled)[-1] == "delivery_time{room: medium}: max < 1s"
        assert Path(settled.rows["run.budgets_file"]["value"]).resolve() == Path("base/shared.toml").resolve()


def test_a_scenario_has_the_limits_of_those_that_it_extends_under_its_own(write: Write) -> None:
    """As it has their budgets; so the runs of a sweep, which extend its file, have those of its name."""
    write("shared.toml", 'acks_received = "count > 0"\n' + SHARED)
    over = write("over.toml", 'extends = "mine.toml"\n')
    write("mine.toml", PLAIN)
    shared = {"run.budgets_file": "shared.toml"}

    assert "delivery_time: p(99) < 100ms" in expressions(settle(over, shared, {}))
    write("shared.toml", SHARED + '[scenario.over]\ndelivery_time = "p(99) < 300ms"\n')
    assert "delivery_time: p(99) < 300ms" in expressions(settle(over, shared, {}))


def test_an_empty_list_takes_a_limit_away(write: Write) -> None:
    """One scenario of many may be exempt."""
    write("shared.toml", 'delivery_time = "max < 1s"\n[scenario.mine]\ndelivery_time = []\n')

    settled = settle(write("mine.toml", OF_FILE), {"run.budgets_file": "shared.toml"}, {})

    assert expressions(settled) == ["connect_time: max < 9s", "deliveries_lost: count < 9"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('delivery_tme = "max < 1s"', 'shared.toml: delivery_tme: unknown metric "delivery_tme"; did you mean'),
        ('delivery_time = "max < 1"', "shared.toml: delivery_time: expected a time with us, ms or s"),
        ("delivery_time = 5", 'shared.toml: delivery_time: expected a limit like "p(99) < 250ms", or a list of them'),
        ('delivery_time = ["max < 1s", 5]', "shared.toml: delivery_time: expected a limit like"),
        ('[budgets]\ndelivery_time = "max < 1s"', 'shared.toml: budgets: unknown metric "budgets"'),
        ('[delivery_time]\nx = "max < 1s"', "got a table"),
        ('[scenario.other]\ndelivery_tme = "max < 1s"', "shared.toml: scenario.other.delivery_tme: unknown metric"),
        ('[scenario.mine]\nlogin_time = "count == 1"', "shared.toml: scenario.mine.login_time: expected min, mean"),
        ('scenario = "mine"', 'shared.toml: scenario: expected tables like [scenario.fanout], got "mine"'),
        ('[scenario]\nmine = "max < 1s"', 'shared.toml: scenario.mine: expected a table, got "max < 1s"'),
        ('"delivery_time{stage: 2}" = "max < 1s"', "shared.toml: delivery_time{stage: 2}: expected no stage"),
        ('"delivery_time{room: big}" = "max < 1s"', 'shared.toml: delivery_time{room: big}: expected after "room:"'),
        ("delivery_time = ", "shared.toml: not a TOML file"),
        ("", 'shared.toml: expected budgets for all scenarios, or for "mine" in [scenario.mine], got none'),
        ('[scenario.other]\nlogin_time = "max < 1s"', "got some for other alone"),
    ],
)
def test_a_wrong_shared_file_is_told_with_its_place(write: Write, text: str, line: str) -> None:
    """Whomever it is for; one that has nothing for the scenario would gate nothing, and nobody would see."""
    write("shared.toml", text)

    assert line in complaint(write("mine.toml", PLAIN), {"run.budgets_file": "shared.toml"})


def test_a_shared_file_that_is_not_there_is_told_by_who_named_it(write: Write) -> None:
    """The flag, the variable, or the key of the scenario."""
    scenario = write("mine.toml", PLAIN)

    assert complaint(scenario, {"run.budgets_file": "gone.toml"}) == (
        "--budgets: cannot read gone.toml: No such file or directory"
    )
    assert complaint(scenario, CHATBENCH_BUDGETS="gone.toml").startswith("CHATBENCH_BUDGETS: cannot read gone.toml")
    naming = write("naming.toml", PLAIN + '[run]\nbudgets_file = "gone.toml"\n')
    assert complaint(naming).startswith("naming.toml: run.budgets_file: cannot read gone.toml")


# --- how long a run is left alone -----------------------------------------------------------------------------------


def test_a_delay_needs_something_to_delay(write: Write) -> None:
    """Nothing else ends a run early."""
    scenario = write("mine.toml", PLAIN)

    assert complaint(scenario, {"run.abort_after": "10s"}) == (
        "--abort-after: expected with --abort-on-fail (run.abort_on_fail = true), since nothing else ends a run early, "
        'got "10s" alone'
    )
    settled = settle(scenario, {"run.abort_after": "10s", "run.abort_on_fail": True}, {})
    assert settled.run.abort_after == 10 * 10**9
    assert settled.rows["run.abort_after"] == {"value": "10s", "origin": "flag"}


def test_the_keys_are_explained(write: Write) -> None:
    """With their values, and where these come from."""
    write("shared.toml", SHARED)
    text = explained(write("mine.toml", PLAIN + '[run]\nbudgets_file = "shared.toml"\n'))

    assert '# run.budgets_file = "shared.toml"  (file)' in text
    assert '# run.abort_after = "0s"  (default)' in text
    assert "delivery_time: p(99) < 100ms" in text
