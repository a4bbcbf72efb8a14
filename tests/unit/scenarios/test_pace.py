"""Who writes, how often, and how fast time passes: what a file says of it becomes a plan, or one clear line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from loadgen.locust_bridge.story import Wish
from loadgen.plan.incidents import IncidentKind
from loadgen.plan.pacing import NS_PER_S, Gaps
from loadgen.plan.pauses import Think
from loadgen.plan.plan import Plan
from loadgen.plan.ramps import RateStage
from loadgen.plan.senders import active_users
from loadgen.plan.stages import Stage
from scenarios.locust_story import LocustStory
from scenarios.machine import Machine
from scenarios.settle import Settled, settle

Write = Callable[[str], str]

A_MACHINE = Machine(core_count=4, sockets_per_process=1000, ephemeral_port_count=28_232)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a scenario file; its name."""
    monkeypatch.chdir(tmp_path)

    def write_scenario(text: str) -> str:
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        return "mine.toml"

    return write_scenario


def settled(name: str, **flags: Any) -> Settled:
    return settle(name, {key.replace("__", "."): value for key, value in flags.items()}, {}, A_MACHINE)


def plan_of(name: str, **flags: Any) -> Plan:
    return settled(name, **flags).plan_for(("http://x",), "abcdef")


def complaint(name: str, **flags: Any) -> str:
    """What is told instead of a plan; always one line."""
    with pytest.raises(InputError) as refused:
        settled(name, **flags)
    line = str(refused.value)
    assert "\n" not in line
    return line


# --- active users ---------------------------------------------------------------------------------------------


def test_a_rate_for_each_user_is_that_of_the_active_ones(write: Write) -> None:
    """Who only reads has no rate: sixty a minute are one a second of each who writes, exactly."""
    plan = plan_of(write("[users]\ncount = 1000\nactive = 0.1\n[traffic]\nper_user_per_min = 60\n"))

    assert plan.active_share == 0.1
    assert plan.rate_per_s == active_users(plan).count_of(1000)
    assert 50 < plan.rate_per_s < 150


def test_a_rate_of_all_is_the_same_whoever_writes(write: Write) -> None:
    """A tenth of the users writes what all would."""
    assert plan_of(write("[users]\nactive = 0.1\n[traffic]\nrate_per_s = 7\n")).rate_per_s == 7


# --- pauses of each user --------------------------------------------------------------------------------------


def test_heavy_tails_have_an_alpha(write: Write) -> None:
    """Of people's messages, where the file does not say; and the document shows which."""
    by_default = settled(write('[traffic]\ngaps = "pareto"\n'))
    given = plan_of(write('[traffic]\ngaps = "pareto"\nalpha = 1.5\nper_user_per_min = 6\n'))

    assert by_default.rows["traffic.alpha"] == {"value": 1.8, "origin": "default"}
    assert (given.gaps, given.alpha, given.rate_per_s) == (Gaps.PARETO, 1.5, 50)
    assert given.rate_follows_users


def test_the_rate_of_thinkers_follows_from_their_thoughts(write: Write) -> None:
    """Two seconds on average: half a thing a second each, every second one of them a message."""
    of = settled(
        write(
            '[users]\ncount = 10\n[traffic]\ngaps = "think"\nthink = { min = "1s", max = "3s" }\n'
            "mix = { message = 1, typing = 1 }\n"
        )
    )
    plan = of.plan_for(("http://x",), "abcdef")

    assert plan.think == Think(NS_PER_S, 3 * NS_PER_S)
    assert (plan.acts_per_s, plan.rate_per_s, plan.rate_follows_users) == (5, 2.5, True)
    assert of.rows["traffic.rate_per_s"]["value"] == 2.5
    assert of.rows["traffic.think.min"] == {"value": "1s", "origin": "file"}


def test_thoughts_have_defaults_and_factors(write: Write) -> None:
    """Those of Mattermost's load test; factors are by weight, alike where no weight is said."""
    of = settled(write('[traffic]\ngaps = "think"\n[traffic.think]\nfactors = [{ times = 1 }, { times = 30 }]\n'))

    assert of.plan_for(("http://x",), "abcdef").think == Think(NS_PER_S, 39 * NS_PER_S, ((1, 1), (30, 1)))
    assert of.rows["traffic.think.max"] == {"value": "39s", "origin": "default"}
    assert of.rows["traffic.think.factors"]["value"] == [{"times": 1, "weight": 1}, {"times": 30, "weight": 1}]


THINK = 'gaps = "think"\n'


@pytest.mark.parametrize(
    ("traffic", "line"),
    [
        ("alpha = 1.5", 'traffic.alpha: expected none where traffic.gaps is "exponential" (it is of pareto), got 1.5'),
        ('gaps = "pareto"\nalpha = 1', "traffic.alpha: expected a number > 1 and <= 5, got 1"),
        (
            'gaps = "pareto"\nthink = { min = "2s" }',
            'traffic.think.min: expected none where traffic.gaps is "pareto" (it is of think), got "2s"',
        ),
        (
            "[traffic.think]\nfactors = [{ times = 2 }]",
            'traffic.think.factors: expected none where traffic.gaps is "exponential" (it is of think), '
            'got [{"times": 2.0, "weight": 1.0}]',
        ),
        (
            THINK + "rate_per_s = 5",
            "traffic.rate_per_s: expected none, since users write as often as they have thought "
            '(mine.toml: traffic.gaps = "think"), got 5',
        ),
        (
            THINK + "per_user_per_min = 5",
            "traffic.per_user_per_min: expected none, since users write as often as they have thought "
            '(mine.toml: traffic.gaps = "think"), got 5',
        ),
        (THINK + 'think = { max = "500ms" }', 'traffic.think.max: expected at least the min (1s), got "500ms"'),
        (
            THINK + 'think = { min = "0s", max = "0s" }',
            'traffic.think.max: expected a time > 0 like "39s", got "0s"',
        ),
        (
            THINK + "think = { factors = [{ times = 0 }] }",
            "traffic.think.factors[0].times: expected a number > 0 and <= 100000, got 0",
        ),
        (
            THINK + "think = { factors = [{ weight = 1 }] }",
            "traffic.think.factors[0].times: missing; expected a number > 0 and <= 100000",
        ),
        (
            THINK + 'think = { mim = "1s" }',
            'traffic.think.mim: unknown key; did you mean "min"?',
        ),
    ],
)
def test_gaps_that_contradict_themselves_are_refused(write: Write, traffic: str, line: str) -> None:
    """At the key that is too much, with the one that it contradicts."""
    text = traffic if traffic.startswith("[") else f"[traffic]\n{traffic}"

    assert complaint(write(f"{text}\n")) == f"mine.toml: {line}"


def test_a_rate_by_flag_contradicts_thoughts(write: Write) -> None:
    """It cannot be kept beside them, and which of the two was meant is not for us to say."""
    line = complaint(write("[traffic]\n" + THINK), traffic__rate_per_s="5")

    assert line.startswith("--rate: expected none, since users write as often as they have thought (mine.toml: ")


# --- stages of the rate ---------------------------------------------------------------------------------------


def test_stages_of_the_rate_are_texts_or_tables(write: Write) -> None:
    """They begin at rate_per_s; a step takes no time."""
    of = settled(write('[traffic]\nrate_stages = ["10s:200", "0s:400.5", { within = "10s", rate_per_s = 0 }]\n'))
    plan = of.plan_for(("http://x",), "abcdef")

    assert plan.rate_per_s == 40
    assert plan.rate_stages == (RateStage(10 * NS_PER_S, 200), RateStage(0, 400.5), RateStage(10 * NS_PER_S, 0))
    assert of.rows["traffic.rate_stages"]["value"][1] == {"within": "0s", "rate_per_s": 400.5}


def test_a_rate_by_flag_is_that_of_the_whole_run(write: Write) -> None:
    """It takes the place of the file's stages, and the document says so."""
    of = settled(write('[traffic]\nrate_stages = ["10s:200"]\n'), traffic__rate_per_s="7")

    assert of.plan_for(("http://x",), "abcdef").rate_stages == ()
    assert of.rows["traffic.rate_stages"] == {"value": [], "origin": "flag"}


@pytest.mark.parametrize(
    ("traffic", "line"),
    [
        (
            'rate_stages = ["20s:5", "10001ms:5"]',
            "expected stages that fit into the measured window (30s), got 30001ms of them",
        ),
        (
            'rate_stages = ["1s:5"]\nper_user_per_min = 6',
            "expected none, since the number of users settles the rate (mine.toml: traffic.per_user_per_min), got 1",
        ),
        (
            'rate_stages = ["1s:5"]\nloop = "closed"',
            "expected none, since in a closed loop the answers settle the rate, got 1",
        ),
        (
            'rate_stages = ["1s:5"]\ngaps = "pareto"',
            'expected none, since each user has a pace of its own (traffic.gaps = "pareto"), got 1',
        ),
        (
            'rate_stages = ["1s:5"]\ngaps = "think"',
            'expected none, since each user has a pace of its own (traffic.gaps = "think"), got 1',
        ),
    ],
)
def test_stages_of_the_rate_that_contradict_something_are_refused(write: Write, traffic: str, line: str) -> None:
    """With both figures, or with what they contradict."""
    assert complaint(write(f"[traffic]\n{traffic}\n")) == f"mine.toml: traffic.rate_stages: {line}"


@pytest.mark.parametrize("rate", ["fast", "-1", "nan", "inf", ""])
def test_a_wrong_rate_of_a_stage_is_told_as_it_was_typed(write: Write, rate: str) -> None:
    """The text, not what became of it."""
    line = complaint(write(f'[traffic]\nrate_stages = ["1s:5", "1s:{rate}"]\n'))

    assert line == f'mine.toml: traffic.rate_stages[1].rate_per_s: expected a number >= 0, got "1s:{rate}"'


def test_a_text_that_is_no_stage_of_the_rate_is_told_with_one_that_is(write: Write) -> None:
    """A time alone does not say where the rate goes."""
    line = complaint(write('[traffic]\nrate_stages = ["10s"]\n'))

    assert line == (
        'mine.toml: traffic.rate_stages[0]: expected stages like "10s:200" or { within = "10s", rate_per_s = 200 }, '
        'got "10s"'
    )


def test_locust_leads_no_stages_of_the_rate(write: Write) -> None:
    """Its window begins when somebody says so; one rate for all of it is a flag away."""
    story = LocustStory(write('[traffic]\nrate_stages = ["1s:5"]\n'), {})

    with pytest.raises(InputError, match=r"traffic\.rate_stages: expected none where Locust leads, .*--rate N"):
        story.settled_alone(Wish("mine.toml", {}, None, 5, None, 1))
    assert story.settled_alone(Wish("mine.toml", {"traffic.rate_per_s": "5"}, None, 5, None, 1)).planned_s > 0


# --- time -----------------------------------------------------------------------------------------------------


def test_hours_pass_as_fast_as_the_scale_says(write: Write) -> None:
    """The window, stages and incidents are shorter; what people do in a minute, and how long we wait, is not."""
    plan = plan_of(
        write(
            "[traffic]\nper_user_per_min = 6\n"
            '[phases]\nwarmup = "1s"\nmeasure = "2h"\ndrain = "1s"\ntime_scale = 900\n'
            '[[incident]]\nkind = "herd_join"\nat = "1h"\nwithin = "15m"\n'
            '[[incident]]\nkind = "reconnect_storm"\nat = "50%"\n'
            '[[incident]]\nkind = "server_restart"\nat = "30m"\ndown = "15m"\n'
        )
    )

    assert (plan.warmup_ns, plan.measure_ns, plan.drain_ns) == (NS_PER_S, 8 * NS_PER_S, NS_PER_S)
    assert plan.rate_per_s == 50
    assert [(each.kind, each.at_ns / NS_PER_S, each.within_ns, each.down_ns) for each in plan.incidents] == [
        (IncidentKind.HERD_JOIN, 4, NS_PER_S, 0),
        (IncidentKind.RECONNECT_STORM, 4, 0, 0),
        (IncidentKind.SERVER_RESTART, 2, 0, NS_PER_S),
    ]


def test_stages_of_users_and_of_the_rate_are_scaled(write: Write) -> None:
    """And so is the window that the former make; the document shows what the run really does."""
    of = settled(
        write(
            '[users]\nstages = ["1h:5", "0s:9", "30m:9"]\n'
            '[traffic]\nrate_stages = ["1h:80"]\n[phases]\ntime_scale = 900\n'
        )
    )
    plan = of.plan_for(("http://x",), "abcdef")

    assert plan.stages == (Stage(4 * NS_PER_S, 5), Stage(0, 9), Stage(2 * NS_PER_S, 9))
    assert plan.rate_stages == (RateStage(4 * NS_PER_S, 80),)
    assert plan.measure_ns == 6 * NS_PER_S
    assert of.rows["users.stages"]["value"][0] == {"within": "4s", "count": 5}
    assert of.rows["phases.measure"] == {"value": "6s", "origin": "file"}
    assert of.rows["phases.time_scale"] == {"value": 900, "origin": "file"}


def test_what_nobody_said_is_not_scaled(write: Write) -> None:
    """A default is meant for the run as it is; stages and times by flag are in the hours of the plan."""
    name = write("[phases]\ntime_scale = 10\n")

    assert plan_of(name).measure_ns == 30 * NS_PER_S
    assert plan_of(name, phases__measure="30s").measure_ns == 3 * NS_PER_S
    assert plan_of(name, users__stages=["10s:5"]).measure_ns == NS_PER_S


def test_time_can_pass_more_slowly(write: Write) -> None:
    """A scale below 1 makes everything longer."""
    assert plan_of(write('[phases]\nmeasure = "5s"\ntime_scale = 0.5\n')).measure_ns == 10 * NS_PER_S


@pytest.mark.parametrize(
    ("phases", "line"),
    [
        ("time_scale = 0", "expected a number > 0 and <= 100000, got 0"),
        ("time_scale = 100001", "expected a number > 0 and <= 100000, got 100001"),
        (
            'measure = "50ms"\ntime_scale = 100000',
            "expected a number that leaves from 1us to a year of 50ms (mine.toml: phases.measure), got 100000",
        ),
        (
            'measure = "8760h"\ntime_scale = 0.5',
            "expected a number that leaves from 1us to a year of 8760h (mine.toml: phases.measure), got 0.5",
        ),
        (
            'measure = "1s"\ntime_scale = 1e-300',
            "expected a number that leaves from 1us to a year of 1s (mine.toml: phases.measure), got 1e-300",
        ),
    ],
)
def test_a_scale_that_leaves_nothing_or_too_much_is_refused(write: Write, phases: str, line: str) -> None:
    """With the time that would be too short, or too long."""
    assert complaint(write(f"[phases]\n{phases}\n")) == f"mine.toml: phases.time_scale: {line}"
