"""One run of a calibration: what a target that knows the truth did, beside what we measured. Pure.

The truth of a delivery begins when the generator sends (its stamp stands in the marker) and ends when the target hands
the frame to the kernel; our figure ends when a receiver has it. So what lies between is exactly the error that is
stated here: the way itself, which the smallest of programs would take too, and our own event loop. The way is measured
beside it, and allowed for.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from loadgen.measure.histogram import MIN_SAMPLES_BEYOND
from reports import hdr
from reports.budgets import Document, Verdict
from reports.calibration_findings import (
    QUANTILES,
    Accuracy,
    Blamed,
    Burst,
    Counted,
    Fault,
    Floor,
    Frozen,
    Setting,
)
from reports.truth import TrueMessage, Truth, TruthError

# What a quantile may be off: the larger of the two (measuring.md), and what the way takes for as many of all bytes.
ALLOWED_RATIO = 0.01
ALLOWED_US = 100.0
# A second without a server, in a window of ten, is a tenth of all messages, half of which wait for half of it or more.
# Who counts from when a message was sent, and stops sending meanwhile, sees nothing of it.
FROZEN_P95_MS = 350.0

_NS_PER_US, _NS_PER_MS = 1e3, 1e6


def floor_of(setting: Setting, rising_ns: Sequence[int]) -> Floor:
    """The quantiles of the way itself, for runs like that one."""
    return Floor(
        setting.processes,
        setting.rate_per_s,
        **{f"{name}_us": _us(quantile_ns(rising_ns, q)) for name, q in QUANTILES.items()},
    )


def _us(value_ns: int | None) -> float | None:
    return None if value_ns is None else value_ns / _NS_PER_US


def middle_of(attempts: Sequence[Sequence[Accuracy]]) -> list[Accuracy]:
    """Of each quantile, the attempt with the middle error; the machine may have stood still in one."""
    found: dict[str, list[Accuracy]] = {}
    for row in (row for rows in attempts for row in rows):
        found.setdefault(row.quantile, []).append(row)
    return [
        replace(sorted(rows, key=lambda row: row.error_us)[(len(rows) - 1) // 2], attempts=len(attempts))
        for rows in found.values()
    ]


def burst_of(setting: Setting, truth: Truth, document: Document) -> Burst:
    """What a room told at once looks like."""
    errors = {row.quantile: row.error_us for row in accuracy_of(setting, truth, document, None)}
    if "p50" not in errors:
        raise TruthError(f"{setting.name}: too few deliveries to tell")
    return Burst(setting.transport, setting.users // setting.rooms, errors["p50"], errors.get("p99"))


def blamed_of(run: str, document: Document, *, side: str, believed: bool) -> Blamed:
    """Whether the right side is blamed for what was too much for it."""
    expected = f"{'valid' if believed else 'invalid'}, {side}"
    found = f"{'invalid' if document['verdict'] == Verdict.INVALID else 'valid'}, {document['limit']['side']}"
    return Blamed(run, expected, found, held=found == expected)


def accuracy_of(setting: Setting, truth: Truth, document: Document, floor: Floor | None) -> list[Accuracy]:
    """Injected beside measured service time, for each quantile that both have enough samples for."""
    injected_ns = sorted(service_times_ns(measured_part(truth, document)))
    measured = document["metrics"]["delivery_service_time"]
    if measured["hdr"] is None or not injected_ns:
        raise TruthError(f"{setting.name}: nothing was delivered")
    if measured["count"] != len(injected_ns):
        raise TruthError(
            f"{setting.name}: the target sent {len(injected_ns):,} deliveries, and {measured['count']:,} were timed"
        )
    histogram = hdr.decode(measured["hdr"])
    rows = []
    for name, q in QUANTILES.items():
        told_ns, seen_ns = quantile_ns(injected_ns, q), histogram.quantile_ns(q)
        if told_ns is None or seen_ns is None:
            continue
        error_us = (seen_ns - told_ns) / _NS_PER_US
        floor_us = None if floor is None else getattr(floor, f"{name}_us")
        allowed_us = max(ALLOWED_US, ALLOWED_RATIO * told_ns / _NS_PER_US) + (floor_us or 0.0)
        rows.append(
            Accuracy(
                run=setting.name,
                delay=setting.delay,
                processes=setting.processes,
                transport=setting.transport,
                deliveries_per_s=document["rates"]["deliveries_received_per_s"],
                ceiling_ratio=setting.ceiling_ratio,
                quantile=name,
                injected_ms=told_ns / _NS_PER_MS,
                measured_ms=seen_ns / _NS_PER_MS,
                error_us=error_us,
                error_ratio=(seen_ns - told_ns) / told_ns,
                floor_us=floor_us,
                allowed_us=allowed_us,
                within=abs(error_us) <= allowed_us,
            )
        )
    return rows


def measured_part(truth: Truth, document: Document) -> list[TrueMessage]:
    """The messages due in the measured window, by when they were due: as many of the last as were sent in it.

    Nothing is due after the window, so those of the warm-up come first.
    """
    ours = [message for message in truth.messages if message.stamp is not None]
    ours.sort(key=_due_ns)
    sent = document["counters"]["messages_sent"]
    if len(ours) < sent:
        raise TruthError(f"truth log: {sent:,} messages were sent in the measured window, and it holds {len(ours):,}")
    return ours[len(ours) - sent :]


def _due_ns(message: TrueMessage) -> int:
    assert message.stamp is not None, "others are left out before"
    return message.stamp.due_ns


def service_times_ns(messages: Iterable[TrueMessage]) -> list[int]:
    """From the generator's sending to the target's, for each delivery, extra copies left out."""
    return [
        at_ns - message.stamp.sent_ns for message in messages if message.stamp is not None for at_ns in message.sent_ns
    ]


def quantile_ns(rising_ns: Sequence[int], q: float) -> int | None:
    """The exact quantile, by the same rule as a histogram's; None with fewer than 10 samples beyond it."""
    # Rounded first: in floating point 0.07 * 100 is a little more than 7.
    rank = max(1, math.ceil(round(q * len(rising_ns), 6)))
    return rising_ns[rank - 1] if len(rising_ns) - rank >= MIN_SAMPLES_BEYOND else None


def counts_of(setting: Setting, truth: Truth, document: Document, deadline_ns: int) -> list[Counted]:
    """Injected beside counted faults of a run without a warm-up, whose drain is longer than its deadline."""
    injected = injected_counts(truth, deadline_ns)
    rows = []
    for fault in Fault:
        counted = document["counters"][f"deliveries_{fault}"]
        rows.append(
            Counted(
                run=setting.name,
                processes=setting.processes,
                transport=setting.transport,
                fault=fault,
                injected=injected[fault],
                counted=counted,
                exact=injected[fault] == counted,
            )
        )
    return rows


def injected_counts(truth: Truth, deadline_ns: int) -> dict[Fault, int]:
    """What the target did wrong to deliveries of ours; all messages of the run are of one room."""
    departures: defaultdict[str, list[int]] = defaultdict(list)
    for departure in truth.departures:
        departures[departure.user].append(departure.at_ns)
    arrivals: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    messages = [message for message in truth.messages if message.stamp is not None]
    for message in messages:
        for user, at_ns in zip(message.receivers, message.sent_ns, strict=True):
            arrivals[user].append((at_ns, message.number))
    lost = duplicated = 0
    for message in messages:
        assert message.stamp is not None, "others are left out above"
        sent_ns, duplicated = message.stamp.sent_ns, duplicated + sum(message.extra_copies)
        for user in (*message.dropped, *message.gone):
            left_ns = min((each for each in departures[user] if sent_ns <= each < sent_ns + deadline_ns), default=None)
            # Whose socket was gone before the message was late is excused; but who is back asks only for what came
            # after the last message that it knows, and what had been withheld before that is lost for good.
            lost += left_ns is None or (
                any(at_ns > left_ns for at_ns, _ in arrivals[user])
                and any(at_ns < left_ns and number > message.number for at_ns, number in arrivals[user])
            )
    reordered = sum(_overtaken_count(sorted(each)) for each in arrivals.values())
    return {Fault.LOST: lost, Fault.DUPLICATED: duplicated, Fault.REORDERED: reordered}


def _overtaken_count(in_time: Sequence[tuple[int, int]]) -> int:
    highest, count = -1, 0
    for _, number in in_time:
        count += number < highest
        highest = max(highest, number)
    return count


def freeze_of(truth: Truth, document: Document) -> Frozen:
    """What a stall of the whole target looks like in our figures."""
    metrics, lost = document["metrics"], document["counters"]["deliveries_lost"]
    frozen_ns = sum(freeze.to_ns - freeze.from_ns for freeze in truth.freezes)
    if not frozen_ns:
        raise TruthError("truth log: the target never stood still")
    p95_ms = metrics["delivery_time"]["p95"]
    return Frozen(
        frozen_ms=frozen_ns / _NS_PER_MS,
        window_s=document["rates"]["window_s"],
        delivery_p95_ms=p95_ms,
        service_p95_ms=metrics["delivery_service_time"]["p95"],
        lost=lost,
        held=p95_ms is not None and p95_ms > FROZEN_P95_MS and lost == 0,
    )
