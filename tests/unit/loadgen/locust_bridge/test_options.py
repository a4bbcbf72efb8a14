"""Our flags among Locust's, from its command line and from its start form."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import pytest

from loadgen.locust_bridge.options import OPTIONS, SWITCHES, add_to, complain_in_one_line, flags_of, scenario_of
from loadgen.locust_bridge.story import Wish
from scenarios.layers import FLAGS


def parsed(*arguments: str) -> Namespace:
    """The options of a command line."""
    parser = ArgumentParser()
    add_to(parser)
    return parser.parse_args(arguments)


def test_every_flag_is_one_of_run_and_sets_the_same_key() -> None:
    """A flag means the same in both commands."""
    of_run = {flag.name: flag.key for flag in FLAGS}

    assert {option.name: option.key for option in (*OPTIONS, *SWITCHES)}.items() <= of_run.items()


def test_what_was_not_given_is_not_there() -> None:
    """File and environment are asked then."""
    assert flags_of(parsed()) == {}
    assert scenario_of(parsed()) == "fanout"


def test_what_was_given_is_settled_as_typed() -> None:
    """Repeatable ones as a list."""
    options = parsed("--rate", "7", "--budget", "a", "--budget", "b", "--insecure", "--scenario", "smoke")

    assert flags_of(options) == {"traffic.rate_per_s": "7", "budgets": ["a", "b"], "target.insecure": True}
    assert scenario_of(options) == "smoke"


def test_an_empty_field_of_the_form_is_not_given_and_a_full_one_may_hold_several() -> None:
    """Locust's form sends every field as a text."""
    options = parsed()
    options.rate, options.budget = "", "delivery_time:p(99)<1s, deliveries_lost:count==0"

    assert flags_of(options) == {"budgets": ["delivery_time:p(99)<1s", "deliveries_lost:count==0"]}


def test_wrong_usage_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With our exit code, and without Locust's forty lines of usage."""
    parser = ArgumentParser()
    add_to(parser)
    complain_in_one_line(parser, 104)
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(["--rate"])

    assert caught.value.code == 104
    assert capsys.readouterr().err == "chatbench: argument --rate: expected one argument\n"


def test_a_run_is_asked_for_with_what_locust_was_told() -> None:
    """Users and how fast they are started are Locust's own options, and all else is ours."""
    options = parsed("--rate", "7", "--scenario", "smoke")
    options.spawn_rate = 5

    assert Wish.of(options, "http://h", 20, 2) == Wish("smoke", {"traffic.rate_per_s": "7"}, "http://h", 20, 5.0, 2)
    options.spawn_rate = None
    assert Wish.of(options, None, 20, None, 3) == Wish("smoke", {"traffic.rate_per_s": "7"}, None, 20, None, None, 3)
