"""Users who come and go in stages."""

from __future__ import annotations

import pytest

from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.stages import Stage
from scenarios.settle import settle
from tests.support.settled import Write, complaint, plan_of, row


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
