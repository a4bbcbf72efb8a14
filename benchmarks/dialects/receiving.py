"""What a delivery costs beside one of ``plain``, where a frame may bring several messages; all others cost nothing."""

import gc
from collections.abc import Callable, Mapping
from time import perf_counter_ns

from benchmarks.dialects.stage import ROOM, plan_of, ready_swarm
from loadgen.engine.clock import now_ns
from loadgen.measure.marker import Stamp, prefix_of, write
from loadgen.measure.payload import payload_of
from loadgen.plan.plan import Plan
from scenarios.dialect_files import named_dialects

MESSAGES = 20


def _nats(text: str) -> bytes:
    return f"MSG {ROOM} 1 {len(text)}\r\n{text}\r\n".encode()


def _mqtt(text: str) -> bytes:
    body = len(ROOM).to_bytes(2, "big") + ROOM.encode() + text.encode()
    return bytes((0x30, len(body) & 0x7F | 0x80, len(body) >> 7)) + body


def _centrifuge(text: str) -> bytes:
    return f'{{"push":{{"channel":"{ROOM}","pub":{{"data":{{"text":"{text}"}},"offset":15}}}}}}'.encode()


DELIVERIES: Mapping[str, Callable[[str], bytes]] = {"nats": _nats, "mqtt": _mqtt, "centrifuge": _centrifuge}
"""The frame that brings a text, from each server that may bring several messages in one."""


def adds_nothing(plan: Plan) -> bool:
    """Whether a delivery goes into the ledger, and nowhere else: the transport calls the very same function."""
    swarm = ready_swarm(plan)
    return next(iter(swarm.members.values())).receive is swarm.ledger.receive


def direct_names() -> list[str]:
    """The built-in dialects that add nothing."""
    return [name for name in named_dialects() if adds_nothing(plan_of(name))]


def receiving_plans() -> dict[str, Plan]:
    """Name -> plan of ``plain``, and of each built-in dialect that adds something and whose deliveries we know."""
    plans = {name: plan_of(name) for name in named_dialects() if name == "plain" or name in DELIVERIES}
    return {name: plan for name, plan in plans.items() if name == "plain" or not adds_nothing(plan)}


def receiving_round(plans: Mapping[str, Plan]) -> dict[str, float]:
    """What a delivery of each takes, us; one after the other."""
    return {name: _receive_us(plan, DELIVERIES.get(name, str.encode)) for name, plan in plans.items()}


def _receive_us(plan: Plan, delivery: Callable[[str], bytes]) -> float:
    swarm = ready_swarm(plan)
    ledger, payload, prefix = swarm.ledger, payload_of(plan), prefix_of(plan.tag)
    users = [(user, member.receive) for user, member in swarm.members.items()]
    at_ns = now_ns()
    frames = []
    for n in range(MESSAGES):
        stamp = Stamp(n, 0, at_ns, at_ns)
        mark = write(prefix, stamp)
        ledger.sent(mark, stamp)
        frames.append(delivery(payload.text(n, mark)))
    gc.collect()
    gc.disable()
    began_ns = perf_counter_ns()
    for frame in frames:
        for user, receive in users:
            receive(user, frame, at_ns)
    took_ns = perf_counter_ns() - began_ns
    gc.enable()
    return took_ns / 1000 / (MESSAGES * len(users))
