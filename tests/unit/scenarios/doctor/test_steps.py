"""What steps come to."""

from __future__ import annotations

from scenarios.doctor.steps import Outcome, Step, StepName


def test_only_a_step_that_others_stand_on_is_the_end() -> None:
    """A missing acknowledgement says nothing about deliveries."""
    ends = [name for name in StepName if Step(name, Outcome.FAILED, "").is_the_end]

    assert ends == ["reach", "log in", "connect", "greeting", "join", "publish"]
