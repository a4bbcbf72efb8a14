"""How large a run may be that Locust spreads over machines: what limits it is all of them together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadgen.errors import InputError
from loadgen.locust_bridge.story import Wish
from scenarios import machine
from scenarios.locust_story import LocustStory, check_run_time
from scenarios.machine import Machine
from scenarios.settle import Settled

ELSEWHERE = "http://chat.example.org"


@pytest.fixture(autouse=True)
def a_small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has 10,000 sockets for a process and 28,232 ports."""
    monkeypatch.setattr(machine, "this_machine", lambda: Machine(4, 10_000, 28_232))


def settled(users: int, workers: int | None, hosts: int = 1) -> Settled:
    """What Locust is asked for, settled."""
    return LocustStory("fanout", {}).settled(Wish("fanout", {}, ELSEWHERE, users, None, workers, hosts))


def test_the_first_node_of_a_scenario_stands_for_all_of_them(tmp_path: Path) -> None:
    """Locust shows one address; users go to each node that the file names."""
    nodes = ["http://127.0.0.1:9001", "http://127.0.0.1:9002"]
    path = tmp_path / "two.toml"
    path.write_text(f'extends = "fanout"\n[target]\nurl = {json.dumps(nodes)}\n')
    story = LocustStory(str(path), {})

    assert story.settled(Wish(str(path), {}, nodes[0], 10, None, 1)).base_urls == tuple(nodes)
    assert story.settled(Wish(str(path), {}, ELSEWHERE, 10, None, 1)).base_urls == (ELSEWHERE,)


def test_a_master_refuses_nobody_before_it_knows_its_workers() -> None:
    """They may be on any number of machines."""
    assert settled(1_000_000, workers=None).scenario.users.count == 1_000_000


def test_workers_on_several_machines_have_the_ports_of_all() -> None:
    """Four machines have four times as many."""
    assert settled(100_000, workers=16, hosts=4).scenario.users.count == 100_000


def test_workers_on_one_machine_share_its_ports() -> None:
    """However many they are."""
    with pytest.raises(InputError, match="28232 ports"):
        settled(100_000, workers=16)


def test_workers_who_are_too_few_are_refused() -> None:
    """Each may open so many sockets."""
    with pytest.raises(InputError, match="at most 40000"):
        settled(100_000, workers=4, hosts=4)


def test_a_locust_may_have_more_workers_than_a_run_has_processes() -> None:
    """The limit of --processes is not Locust's."""
    assert settled(1_000_000, workers=100, hosts=100).scenario.users.count == 1_000_000


def test_a_host_is_shown_without_its_password_and_stands_for_itself() -> None:
    """Locust shows it to everybody, and proposes in its form what it shows."""
    story = LocustStory("fanout", {})

    shown = story.host_shown("http://ann:canary@127.0.0.1:1")

    assert shown == "http://ann:***@127.0.0.1:1"
    assert story.settled(Wish("fanout", {}, shown, 10, None, 1)).base_urls == ("http://ann:canary@127.0.0.1:1",)
    assert story.host_shown(ELSEWHERE) == ELSEWHERE


def test_headers_are_taken_as_locust_has_them() -> None:
    """As lines; it was refused as no table."""
    wish = Wish("fanout", {"target.headers": ["X-Mine: abc", "Origin: http://me"]}, ELSEWHERE, 10, None, 1)

    plan = LocustStory("fanout", {}).settled(wish).plan_for((ELSEWHERE,), "abcdef")

    assert plan.headers == (("X-Mine", "abc"), ("Origin", "http://me"))


@pytest.mark.parametrize(
    ("users", "rate_per_s", "warmup", "needed_s"),
    # The last one has all its users in the first second, and the one before a user every two seconds.
    [(500, 250.0, "3s", 4.4), (3, 0.5, "0s", 4.4), (10, 100.0, "1s", 1.4)],
)
def test_a_run_time_that_is_over_before_anything_is_measured_is_refused(
    users: int, rate_per_s: float, warmup: str, needed_s: float
) -> None:
    """It ended such a run as if by hand, with users who had never been there."""
    wish = Wish("fanout", {"phases.warmup": warmup}, ELSEWHERE, users, rate_per_s, 1)
    short = LocustStory("fanout", {}).settled(wish)

    with pytest.raises(InputError, match=rf"^--run-time: expected more than {needed_s} s, .*, got 1 s$"):
        check_run_time(short, 1)
    check_run_time(short, needed_s + 0.1)
    check_run_time(short, None)


def test_stages_end_by_themselves() -> None:
    """Locust follows them, whatever its --run-time."""
    wish = Wish("fanout", {"users.stages": ["10s:5"]}, ELSEWHERE, 5, None, 1)

    check_run_time(LocustStory("fanout", {}).settled(wish), 1)
