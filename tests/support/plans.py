"""A small plan, which a test changes as it likes."""

from __future__ import annotations

from loadgen.dialects.script import ConnectScript, DialectScript, PublishScript
from loadgen.plan.pacing import NS_PER_S, Gaps
from loadgen.plan.plan import Plan
from loadgen.plan.rooms import Rooms


def a_plan(user_count: int = 10) -> Plan:
    """A plan of no importance."""
    return Plan(
        tag="abc123",
        seed=1,
        base_urls=("http://127.0.0.1:1",),
        dialect=DialectScript("none", ConnectScript("/"), PublishScript(send="{text}")),
        accounts=(("a", "b"),),
        user_count=user_count,
        connect_rate_per_s=100.0,
        rooms=Rooms.alike(1),
        rate_per_s=10.0,
        gaps=Gaps.CONSTANT,
        payload_bytes=100,
        warmup_ns=0,
        measure_ns=NS_PER_S,
        drain_ns=0,
        deadline_ns=NS_PER_S,
    )
