"""The calibration document: what a target that knows the truth did, beside what we measured.

The truth of a delivery begins when the generator sends (its stamp stands in the marker) and ends when the target hands
the frame to the kernel; our figure ends when a receiver has it. So what lies between is exactly the error that is
stated here: the way itself, which the smallest of programs would take too, and our own event loop. The way is measured
beside it, and allowed for.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from loadgen.measure.doubts import OTHERS_CPU_RATIO
from loadgen.measure.histogram import MIN_SAMPLES_BEYOND
from reports import hdr, numbers
from reports.budgets import Document, Verdict
from reports.truth import TrueMessage, Truth, TruthError

SCHEMA = "chatbench.calibration/1"

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99_9": 0.999}

# What a quantile may be off: the larger of the two (measuring.md), and what the way takes for as many of all bytes.
ALLOWED_RATIO = 0.01
ALLOWED_US = 100.0
# A second without a server, in a window of ten, is a tenth of all messages, half of which wait for half of it or more.
# Who counts from when a message was sent, and stops sending meanwhile, sees nothing of it.
FROZEN_P95_MS = 350.0
# At half of what the generator can carry.
LATENESS_P99_MS = 1.0

_NS_PER_US, _NS_PER_MS = 1e3, 1e6


class Fault(StrEnum):
    """What is injected, and counted."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"


@dataclass(frozen=True, slots=True)
class Setting:
    """How one run was set up."""

    name: str
    delay: str
    """How the target delays deliveries, in words."""
    processes: int
    transport: str
    users: int
    rate_per_s: float
    """Messages a second; each goes to a whole room."""
    rooms: int
    """Of equal size. A room of 10 is told in 0.1 ms; in a larger one, who is told first waits to be read."""
    ceiling_ratio: float | None = None
    """The load as a share of what the slower side can carry; None where it was not chosen by that."""


@dataclass(frozen=True, slots=True)
class Floor:
    """The way of the same deliveries between programs that do nothing else; None where too few were sent."""

    processes: int
    """That read them."""
    messages_per_s: float
    """As many as in the runs that it is for."""
    p50_us: float | None
    p90_us: float | None
    p99_us: float | None
    p99_9_us: float | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One quantile of the service time in one run, or the middle of three where the first was too far off."""

    run: str
    delay: str
    processes: int
    transport: str
    deliveries_per_s: float
    ceiling_ratio: float | None
    quantile: str
    injected_ms: float
    measured_ms: float
    error_us: float
    error_ratio: float
    floor_us: float | None
    allowed_us: float
    within: bool
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Burst:
    """How much later we have what is sent to a whole room at once; stated, and not judged.

    While a server writes to a thousand sockets in a row, those at the front wait for us to read them. It is the time
    of our own reading, so it belongs to us, and lasts as long as the burst.
    """

    transport: str
    receivers: int
    error_p50_us: float
    error_p99_us: float | None


@dataclass(frozen=True, slots=True)
class Blamed:
    """A run that must be too much for one side."""

    run: str
    expected: str
    """Whose limit it was, and whether its figures can be believed then: "invalid, generator" or "valid, server"."""
    found: str
    held: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """One kind of fault in one run."""

    run: str
    processes: int
    transport: str
    fault: Fault
    injected: int
    counted: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Frozen:
    """A run in which the target stood still."""

    frozen_ms: float
    window_s: float
    delivery_p95_ms: float | None
    service_p95_ms: float | None
    lost: int
    held: bool
    """Whether the stall is seen in the delivery time, and no message was lost."""


@dataclass(frozen=True, slots=True)
class Load:
    """One step of the search for the generator's ceiling."""

    rate_per_s: float
    deliveries_per_s: float | None
    send_lateness_p99_ms: float | None
    loop_lag_p99_ms: float | None
    cpu_ratio: float | None
    carried: bool
    """Whether the generator kept its schedule and its core was not full."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What one process of the generator can carry here, against a server that is faster than it."""

    deliveries_per_s_per_process: float | None
    messages_per_s_per_process: float | None
    connects_per_s: float | None
    sockets_per_process: int | None
    """So many were opened, and talked; there may be room for more."""
    target_deliveries_per_s: float | None
    """What the faulty target can carry: what arrived when its core was full."""
    curve: tuple[Load, ...] = ()


@dataclass(frozen=True, slots=True)
class Jitter:
    """How exactly the generator keeps time at half of its ceiling; and what reading the clock costs."""

    rate_per_s: float | None
    send_lateness_p99_ms: float | None
    loop_lag_p99_ms: float | None
    clock_read_ns: float


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a calibration has found; what it did not get to is None or missing."""

    created_at: str
    """RFC 3339."""
    quick: bool
    machine: dict[str, Any]
    """What makes this machine this machine; figures of another are not comparable."""
    ceiling: Ceiling
    jitter: Jitter
    accuracy: tuple[Accuracy, ...]
    counts: tuple[Counted, ...]
    freeze: Frozen | None
    others_cpu_ratio: float | None
    """What others used of this machine meanwhile, as a share of all cores."""
    floors: tuple[Floor, ...] = ()
    bursts: tuple[Burst, ...] = ()
    blamed: tuple[Blamed, ...] = ()
    troubles: tuple[str, ...] = ()
    """Runs that gave nothing to compare, and why."""

    def floor_of(self, setting: Setting) -> Floor | None:
        """For a run of as many processes and messages; None where it was not measured."""
        load = setting.processes, setting.rate_per_s
        return next((floor for floor in self.floors if (floor.processes, floor.messages_per_s) == load), None)


# --- one run ----------------------------------------------------------------------------------------------------


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


# --- all of them ------------------------------------------------------------------------------------------------


def build(findings: Findings) -> Document:
    """The document, judged."""
    failures, doubts = list(_failures(findings)), list(_doubts(findings))
    verdict = Verdict.INVALID if doubts else Verdict.FAIL if failures else Verdict.PASS
    sections = asdict(findings)
    return {
        "schema": SCHEMA,
        "created_at": sections["created_at"],
        "quick": sections["quick"],
        "machine": sections["machine"],
        "ceiling": sections["ceiling"] | {"curve": [asdict(load) for load in findings.ceiling.curve]},
        "jitter": sections["jitter"],
        "floors": [asdict(floor) for floor in findings.floors],
        "accuracy": [asdict(row) for row in findings.accuracy],
        "bursts": [asdict(row) for row in findings.bursts],
        "counts": [asdict(row) for row in findings.counts],
        "freeze": sections["freeze"],
        "blamed": [asdict(row) for row in findings.blamed],
        "machine_busy_ratio": findings.others_cpu_ratio,
        "verdict": str(verdict),
        "reasons": [*doubts, *failures],
    }


def _doubts(findings: Findings) -> Iterable[str]:
    """Why its figures cannot be believed."""
    busy = findings.others_cpu_ratio
    if busy is not None and OTHERS_CPU_RATIO.severity_of(busy) is not None:
        yield (
            f"other programs used {numbers.percent(busy)} of this machine's CPU meanwhile (more than "
            f"{numbers.percent(OTHERS_CPU_RATIO.warning)} is too much); stop them, and calibrate again"
        )
    yield from findings.troubles
    if not findings.accuracy or not findings.counts or findings.freeze is None:
        yield "not everything was measured"
    if findings.ceiling.deliveries_per_s_per_process is None:
        yield "the generator's ceiling was not found"


def _failures(findings: Findings) -> Iterable[str]:
    wrong = [row for row in findings.accuracy if not row.within]
    if wrong:
        worst = max(wrong, key=lambda row: abs(row.error_us) / row.allowed_us)
        yield (
            f"{len(wrong)} of {len(findings.accuracy)} quantiles are further off than "
            f"{100 * ALLOWED_RATIO:g} % or {ALLOWED_US:g} us, and the way itself; the worst: {worst.run}, "
            f"{label_of(worst.quantile)}, {worst.error_us:+,.0f} us of {worst.allowed_us:,.0f} allowed"
        )
    for row in findings.counts:
        if not row.exact:
            yield f"{row.run}: {row.injected:,} deliveries were {row.fault}, and {row.counted:,} were counted"
    freeze = findings.freeze
    if freeze is not None and not freeze.held:
        yield (
            f"a stall of {freeze.frozen_ms:,.0f} ms: delivery time p95 was {numbers.duration(freeze.delivery_p95_ms)} "
            f"(more than {FROZEN_P95_MS:g} ms expected), and {freeze.lost:,} deliveries were lost"
        )
    for blamed in findings.blamed:
        if not blamed.held:
            yield f"{blamed.run}: expected to be {blamed.expected}, and it was {blamed.found}"
    late_ms = findings.jitter.send_lateness_p99_ms
    if late_ms is not None and late_ms >= LATENESS_P99_MS:
        yield (
            f"at half of its ceiling the generator sent {numbers.duration(late_ms)} late (p99; less than "
            f"{LATENESS_P99_MS:g} ms expected)"
        )


def label_of(quantile: str) -> str:
    """A quantile's name as people write it."""
    return quantile.replace("_", ".")


def carried_per_s(calibration: Document | None) -> float | None:
    """Deliveries a second that a process carried; None where that is not known, or cannot be believed."""
    if calibration is None or calibration["verdict"] == Verdict.INVALID:
        return None
    ceiling: float | None = calibration["ceiling"]["deliveries_per_s_per_process"]
    return ceiling


def quoted(calibration: Document) -> dict[str, Any]:
    """What the documents of later runs on the same machine keep of a calibration."""
    worst: dict[str, float | None] = dict.fromkeys(f"error_{name}_us" for name in QUANTILES)
    for row in calibration["accuracy"]:
        key = f"error_{row['quantile']}_us"
        worst[key] = max(worst[key] or 0.0, abs(row["error_us"]))
    return {
        "created_at": calibration["created_at"],
        "verdict": calibration["verdict"],
        "deliveries_per_s_per_process": calibration["ceiling"]["deliveries_per_s_per_process"],
        **worst,
    }


def quotation(environment: dict[str, Any]) -> str:
    """What a run's environment says of the machine's calibration, in a sentence; empty where there was none."""
    calibration = environment.get("calibration")
    if not calibration:
        return ""
    day = numbers.printable(calibration["created_at"])[:10]
    if calibration["verdict"] == Verdict.INVALID:
        return f"This machine was calibrated on {day}, but too much was going on to believe it."
    errors_us = [calibration[f"error_{name}_us"] for name in QUANTILES]
    known = [error_us for error_us in errors_us if error_us is not None]
    within = (
        f"quantiles were within {numbers.duration(max(known) / 1000)} of the truth" if known else "nothing was timed"
    )
    ceiling = calibration["deliveries_per_s_per_process"]
    carried = "" if ceiling is None else f", up to {numbers.rate(ceiling)} deliveries/s a process"
    failed = " The calibration did not pass." if calibration["verdict"] == Verdict.FAIL else ""
    return f"On this machine {within}{carried} (calibrated {day}).{failed}"
