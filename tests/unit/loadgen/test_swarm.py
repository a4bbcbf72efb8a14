"""Whether deliveries may be noted where many sockets are read at a time, or each must be shown to the swarm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from loadgen.dialects.script import FramesScript
from loadgen.engine.scripted import ScriptedMember
from loadgen.engine.swarm import Swarm
from loadgen.plan.pacing import Loop
from loadgen.plan.plan import Plan
from tests.support.plans import a_plan


def with_ack(plan: Plan) -> Plan:
    """A closed loop that waits for acknowledgements, which are no deliveries."""
    publish = replace(plan.dialect.publish, ack="ACK {id}")
    return replace(plan, loop=Loop.CLOSED, dialect=replace(plan.dialect, publish=publish))


def in_parts(plan: Plan) -> Plan:
    """Where a frame with a message may hold something else."""
    return replace(plan, dialect=replace(plan.dialect, frames=FramesScript(separator="\n")))


@pytest.mark.parametrize("change", [lambda plan: plan, with_ack])
def test_what_only_the_books_must_know_may_be_noted_at_once(change: Callable[[Plan], Plan]) -> None:
    """By any of its users."""
    swarm = Swarm(change(a_plan()), 0, ())

    assert swarm.receive_path is swarm.ledger.receive_path
    assert all(member.receive_path is swarm.receive_path for member in swarm.members.values())


@pytest.mark.parametrize("change", [lambda plan: replace(plan, loop=Loop.CLOSED), in_parts])
def test_what_somebody_else_must_see_is_shown(change: Callable[[Plan], Plan]) -> None:
    """A closed loop waits for the sender's own message; a dialect looks for what stands beside one."""
    assert Swarm(change(a_plan()), 0, ()).receive_path is None


def test_a_script_is_shown_every_message() -> None:
    """Whatever its swarm needs."""
    swarm = Swarm(a_plan(), 0, ())
    member = ScriptedMember(swarm.members[0].chatter, swarm, lambda _: None)

    assert swarm.receive_path is not None
    assert member.receive_path is None
