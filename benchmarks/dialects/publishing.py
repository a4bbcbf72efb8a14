"""What a message costs until the transport is handed its bytes: the dialect alone, and all that the user does."""

import gc
from collections.abc import Mapping
from time import perf_counter_ns

from benchmarks.dialects.stage import PAYLOAD_BYTES, ROOM, TAG, USER_COUNT, plan_of, ready_swarm
from benchmarks.dialects.table import Sent
from loadgen.engine.clock import now_ns
from loadgen.engine.user import User
from loadgen.measure.marker import Stamp, prefix_of, write
from loadgen.measure.payload import payload_of
from loadgen.plan.plan import Plan
from scenarios.dialect_files import load_dialect, named_dialects


def publishing_plans() -> dict[str, Plan]:
    """Name -> plan of each built-in dialect that publishes over the socket."""
    names = (name for name in named_dialects() if load_dialect(name).publish.http is None)
    return {name: plan_of(name) for name in names}


def publishing_round(plans: Mapping[str, Plan]) -> dict[str, Sent]:
    """Each dialect once, one after the other."""
    return {name: Sent(_publish_us(plan), _due_us(plan)) for name, plan in plans.items()}


def _due_us(plan: Plan) -> float:
    """Each user says one thing: whoever awaits an acknowledgement awaits no other."""
    chatters = _who_have_spoken(plan)
    at_ns = now_ns()
    gc.collect()
    gc.disable()
    began_ns = perf_counter_ns()
    for n, chatter in enumerate(chatters):
        chatter.due(n, at_ns, at_ns, writable=True)
    took_ns = perf_counter_ns() - began_ns
    gc.enable()
    return took_ns / 1000 / len(chatters)


def _publish_us(plan: Plan) -> float:
    dialects = [chatter.dialect for chatter in _who_have_spoken(plan)]
    texts = texts_of(plan)
    said = [
        (dialect.publish, text, f"{TAG}-{n}-1") for n, (dialect, text) in enumerate(zip(dialects, texts, strict=True))
    ]
    gc.collect()
    gc.disable()
    began_ns = perf_counter_ns()
    for publish, text, message_id in said:
        publish(ROOM, text, message_id)
    took_ns = perf_counter_ns() - began_ns
    gc.enable()
    return took_ns / 1000 / len(said)


def _who_have_spoken(plan: Plan) -> list[User]:
    """Who says something for the first time makes room for what there will be to remember."""
    chatters = [member.chatter for member in ready_swarm(plan).members.values()]
    for chatter in chatters:
        chatter.dialect.publish(ROOM, "hello", f"{TAG}-{chatter.index}-0")
    return chatters


def texts_of(plan: Plan) -> list[str]:
    """A text of each user, with its marker."""
    payload, prefix, at_ns = payload_of(plan), prefix_of(plan.tag), now_ns()
    texts = [payload.text(n, write(prefix, Stamp(n, 0, at_ns, at_ns))) for n in range(USER_COUNT)]
    assert all(len(text) == PAYLOAD_BYTES for text in texts)
    return texts
