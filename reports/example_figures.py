"""The examples of deliveries that went wrong, as the document tells them."""

from __future__ import annotations

from typing import Any

from loadgen.measure.examples import Example, Fault, chosen
from loadgen.measure.record import Record
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Plan
from loadgen.plan.rooms import room_name


def figures_of(record: Record) -> list[dict[str, Any]]:
    """At most five of each fault, in time; see docs/measuring.md for what each key means."""
    examples = record.tally.examples
    return [_figures(fault, each, record.plan) for fault in Fault for each in chosen(examples.of(fault))]


def _figures(fault: Fault, example: Example, plan: Plan) -> dict[str, Any]:
    publish = plan.dialect.publish if example.room is not None or plan.dialect.direct is None else plan.dialect.direct
    is_lost = fault is Fault.LOST
    in_rooms = plan.dialect.join is not None or plan.rooms.count > 1
    return {
        "kind": str(fault),
        "sender": example.sender,
        "sender_name": _name(example.sender, plan),
        "receiver": example.receiver,
        "receiver_name": _name(example.receiver, plan),
        "room": room_name(example.room) if example.room is not None and in_rooms else None,
        "direct": example.room is None,
        "n": example.sequence,
        "message_id": f"{plan.tag}-{example.sender}-{example.sequence}",
        "due_s": example.due_ns / NS_PER_S,
        "sent_s": example.sent_ns / NS_PER_S,
        "received_s": _seconds(example.received_ns),
        "acked": example.acked if is_lost and publish.ack is not None else None,
        "seen": example.was_seen if is_lost else None,
        "last_seen_s": _seconds(example.seen_ns) if is_lost else None,
    }


def _name(user: int, plan: Plan) -> str | None:
    """What it logs in as; None where it has but a token, or shares its name with others."""
    if plan.tokens or len(plan.accounts) < plan.user_count or user >= plan.user_count:
        return None
    return plan.accounts[user][0]


def _seconds(at_ns: int | None) -> float | None:
    return None if at_ns is None else at_ns / NS_PER_S
