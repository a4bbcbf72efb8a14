"""The scenarios of a pair whose users talk in turns: the same messages, and never both at once."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from loadgen.plan.plan import Plan
from loadgen.plan.sections import whole_run
from loadgen.plan.senders import active_users
from loadgen.plan.turns import turns_of
from reports.trials import Side
from scenarios.alternation import TURN_S, scenarios_of, why_not
from scenarios.settle import settle

TURN_NS = round(TURN_S * 1e9)
FLAGS: dict[str, Any] = {"target.url": "http://127.0.0.1:1"}


def plans_of(folder: Path, source: str, flags: dict[str, Any], seed: int = 3) -> dict[Side, Plan]:
    """What both runs of a pair carry out."""
    settled = settle(source, FLAGS | flags, {})
    paths = scenarios_of(source, settled, random.Random(seed), folder / "01")
    others = {key: value for key, value in flags.items() if key not in ("traffic.rate_per_s", "phases.measure")}
    return {side: settle(str(path), FLAGS | others, {}).plan_for(("http://a",), "tag") for side, path in paths.items()}


def turns_in(plan: Plan) -> list[tuple[int, int]]:
    """(who writes, ns after the start of the measured window) of each message due in it."""
    turns = turns_of(plan, whole_run(plan, 0), active_users(plan), lambda _: True)
    end_ns = plan.warmup_ns + plan.measure_ns
    found = []
    while (turn := turns.next(end_ns)) is not None:
        found.append((turn[1], turn[2] - plan.warmup_ns))
    return [(sender, due_ns) for sender, due_ns in found if due_ns >= 0]


@pytest.mark.parametrize("flags", [{}, {"traffic.rate_per_s": "100", "phases.measure": "2200ms", "users.count": "7"}])
def test_both_have_the_same_messages_and_never_talk_at_once(tmp_path: Path, flags: dict[str, Any]) -> None:
    """Of each two turns one is base's and one head's; each has the whole of the window that was asked for."""
    plans = plans_of(tmp_path, "smoke", flags)
    base, head = (turns_in(plans[side]) for side in Side)

    assert plans[Side.BASE].measure_ns == plans[Side.HEAD].measure_ns
    assert plans[Side.BASE].measure_ns >= 2 * (2_200_000_000 if flags else 5_000_000_000)
    assert [sender for sender, _ in base] == [sender for sender, _ in head]
    talking = [{due_ns // TURN_NS for _, due_ns in side} for side in (base, head)]
    assert not talking[0] & talking[1]
    for earlier in range(0, plans[Side.BASE].measure_ns // TURN_NS, 2):
        assert not {earlier, earlier + 1} <= talking[0]
        assert not {earlier, earlier + 1} <= talking[1]
    # As far into its own turns the one is due as the other, but for the rounding of each turn.
    for (_, base_ns), (_, head_ns) in zip(base, head, strict=True):
        assert abs(talked_ns(base_ns, talking[0]) - talked_ns(head_ns, talking[1])) < 1_000


def talked_ns(due_ns: int, talking: set[int]) -> int:
    """How long a side has talked until then; a turn in which nothing is due is half of two, too."""
    return (due_ns // TURN_NS // 2) * TURN_NS + due_ns % TURN_NS


def test_chance_says_who_comes_first_and_the_seed_says_chance(tmp_path: Path) -> None:
    """Each pair has an order of its own, and the same again with the same seed."""
    texts = []
    for number, seed in enumerate((3, 3, 4)):
        folder = tmp_path / str(number)
        folder.mkdir()
        plans_of(folder, "smoke", {}, seed)
        texts.append((folder / "01-base.toml").read_text())

    assert texts[0] == texts[1] != texts[2]


def test_a_file_of_ones_own_is_extended_wherever_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its whole path."""
    (tmp_path / "mine.toml").write_text('[users]\ncount = 9\n[phases]\nmeasure = "1s"\n')
    monkeypatch.chdir(tmp_path)

    plans = plans_of(tmp_path, "mine.toml", {})

    assert plans[Side.HEAD].user_count == 9
    assert plans[Side.HEAD].measure_ns == 2_000_000_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", None),
        ('users.stages = ["1s:5"]', "users come and go in stages"),
        ('traffic.rate_stages = ["1s:5"]', "its rate changes"),
        ('incident = [{ kind = "reconnect_storm" }]', "something goes wrong by plan"),
        ('traffic.loop = "closed"', "answers settle its pace"),
        ('traffic.gaps = "think"', "each user has a pace of its own"),
        ('traffic.gaps = "pareto"', "each user has a pace of its own"),
        ("phases.time_scale = 2.0", "its hours are scaled"),
        ('budgets.messages_sent = "rate > 3"', "a budget limits a rate"),
    ],
)
def test_a_load_that_cannot_stop_and_go_has_no_turns(tmp_path: Path, text: str, reason: str | None) -> None:
    """And what it is that keeps it from that is said."""
    path = tmp_path / "mine.toml"
    path.write_text(text)

    assert why_not(settle(str(path), FLAGS, {})) == reason
