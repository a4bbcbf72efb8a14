"""Our flags among Locust's, from its command line and from its start form."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from loadgen.locust_bridge.options import OPTIONS, SWITCHES, add_to, flags_of, scenario_of
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
