"""A run on call is a row of sections."""

from __future__ import annotations

from dataclasses import replace

from loadgen.plan.sections import Section, whole_run
from tests.support.plans import a_plan


def test_the_acts_of_the_first_section_are_those_of_a_run_by_plan() -> None:
    """So the same seed says the same, whoever leads the run."""
    section = whole_run(a_plan(), 5)

    assert [section.act(n) for n in (0, 1, 10**9)] == [0, 1, 10**9]
    assert (section.start_ns, section.user_count) == (5, a_plan().user_count)


def test_no_act_of_one_section_is_one_of_another() -> None:
    """Each has its own words and its own receivers."""
    section = Section(0, 0, 1, 1.0)

    assert replace(section, number=1).act(0) > section.act(10**11)
