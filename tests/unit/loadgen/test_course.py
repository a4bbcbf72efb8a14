"""When a run talks, and when it is measured."""

from __future__ import annotations

from dataclasses import replace

from loadgen.engine.course import Course
from tests.support.plans import a_plan


def test_the_parts_of_a_run_follow_one_another() -> None:
    """Warm-up, window, drain; what would be sent in the second half of the drain could not arrive in time."""
    plan = replace(a_plan(), warmup_ns=10, measure_ns=100, drain_ns=40)
    course = Course.of(plan, 1_000)

    assert (course.start_ns, course.measure_ns, course.end_ns) == (1_000, 1_010, 1_110)
    assert (course.give_up_ns, course.over_ns) == (1_130, 1_150)
    assert [course.measures(at_ns) for at_ns in (1_009, 1_010, 1_109, 1_110)] == [False, True, True, False]
