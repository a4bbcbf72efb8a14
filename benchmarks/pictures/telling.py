"""What the pictures tell, taken out of a run's document and its server's truth log. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from reports.budgets import Document
from reports.calibration_truth import injected_counts, measured_part
from reports.curves import quantile_curve
from reports.plots.measuring import Delivered, Fate, Loop, OneMessage
from reports.truth import TrueMessage, Truth, TruthError

_TROUBLES = (Fate.LATE, Fate.LOST, Fate.DUPLICATED, Fate.REORDERED)


def loop_of(truth: Truth, document: Document, name: str, *, from_due: bool) -> Loop:
    """One run against a server that froze, timed from when messages were due, or from when they were sent."""
    if not truth.freezes:
        raise TruthError("truth log: the target never stood still")
    clocks = [
        (message.stamp.due_ns if from_due else message.stamp.sent_ns, max(message.sent_ns))
        for message in measured_part(truth, document)
        if message.stamp is not None and message.sent_ns
    ]
    started_ns, ended_ns = (np.array(each, dtype=np.int64) for each in zip(*clocks, strict=True))
    first_ns = int(started_ns.min())
    freeze = truth.freezes[0]
    metric = document["metrics"]["delivery_time" if from_due else "delivery_service_time"]
    return Loop(
        name,
        messages=((started_ns - first_ns) / 1e9, (ended_ns - started_ns) / 1e6),
        frozen_s=((freeze.from_ns - first_ns) / 1e9, (freeze.to_ns - first_ns) / 1e9),
        quantiles=quantile_curve(metric["hdr"]),
    )


def check_books(truth: Truth, document: Document, deadline_ns: int) -> None:
    """Raise TruthError unless our ledger and the server's log tell of the same: a picture is of both, or of none."""
    for fault, injected in injected_counts(truth, deadline_ns).items():
        counted = document["counters"][f"deliveries_{fault}"]
        if counted != injected:
            raise TruthError(f"{injected:,} deliveries were {fault}, and {counted:,} were counted")


def most_telling(truth: Truth, deadline_ns: int) -> OneMessage:
    """The message whose deliveries show each trouble, as few times as may be; of those, the one soonest over."""
    arrivals = _arrivals(truth)
    told = [told_of(message, arrivals, deadline_ns) for message in truth.messages if message.stamp is not None]
    if not told:
        raise TruthError("truth log: no message of ours")
    return max(told, key=_worth)


def _worth(message: OneMessage) -> tuple[int, int, int, float]:
    troubles = Counter(fate for row in message.deliveries for fate in row.fates if fate in _TROUBLES)
    at_once = sum(len(row.fates) > 1 for row in message.deliveries)
    latest_ms = max((row.after_ms for row in message.deliveries if row.after_ms is not None), default=0.0)
    return len(troubles), -at_once, -troubles.total(), -latest_ms


# When each message of a sender, by its sequence number, was sent to a user: {(sender, user): [(sequence, ns), ...]}
Arrivals = dict[tuple[int, str], list[tuple[int, int]]]


def _arrivals(truth: Truth) -> Arrivals:
    found: Arrivals = {}
    for message in truth.messages:
        if message.stamp is not None:
            for user, at_ns in zip(message.receivers, message.sent_ns, strict=True):
                found.setdefault((message.stamp.sender, user), []).append((message.stamp.sequence, at_ns))
    return found


def told_of(message: TrueMessage, arrivals: Arrivals, deadline_ns: int) -> OneMessage:
    """One message of ours as a picture shows it, its receivers by name."""
    stamp = message.stamp
    assert stamp is not None, "others are left out before"
    rows = [Delivered(user, None, frozenset({Fate.LOST})) for user in message.dropped]
    for user, at_ns, copies in zip(message.receivers, message.sent_ns, message.extra_copies, strict=True):
        overtaken_ns = _overtaken_ns(arrivals[stamp.sender, user], stamp.sequence, at_ns)
        fates = {
            Fate.LATE: at_ns - stamp.sent_ns > deadline_ns,
            Fate.DUPLICATED: copies > 0,
            Fate.REORDERED: overtaken_ns is not None,
        }
        rows.append(
            Delivered(
                user,
                (at_ns - stamp.sent_ns) / 1e6,
                frozenset(fate for fate, so in fates.items() if so) or frozenset({Fate.RECEIVED}),
                None if overtaken_ns is None else (overtaken_ns - stamp.sent_ns) / 1e6,
            )
        )
    return OneMessage(_account(stamp.sender), deadline_ns / 1e6, sorted(rows, key=lambda row: row.user))


def _overtaken_ns(in_order: Sequence[tuple[int, int]], sequence: int, at_ns: int) -> int | None:
    earlier = [other_ns for other, other_ns in in_order if other > sequence and other_ns < at_ns]
    return min(earlier, default=None)


def _account(sender: int) -> str:
    """The generated account of the run's user with that number, from 0."""
    return f"user-{sender + 1:06d}"
