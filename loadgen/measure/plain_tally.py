"""A tally as plain data that goes from machine to machine (measure/plain), and back, checked.

A histogram travels as the counts of its buckets, packed, and what no bucket tells: its sum and its extremes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from reprlib import repr as short
from typing import Any

import numpy as np

from loadgen.errors import ErrorKind
from loadgen.measure import checked
from loadgen.measure.closes import Close, Closer, count_close
from loadgen.measure.examples import Example, Examples, Fault
from loadgen.measure.histogram import COARSE, FINE, HIGHEST_NS, Histogram, State, bucket_of
from loadgen.measure.incident_tally import IncidentTally
from loadgen.measure.packing import packed, unpacked
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.tally import Count, ErrorCount, Metric, Note, PerSecond, Tally
from loadgen.plan.slices import SliceKind

_HIGHEST_32 = 2**32 - 1
_MOST_INCIDENTS = 1_000
# A month, before or after the origin: the series has a place for each second up to the last.
_FARTHEST_S = 31 * 24 * 3600

_COUNTERS: dict[str, Count | Note] = {name.value: name for name in (*Count, *Note)}
# A report may take back what an earlier one has planned: the connection of somebody who gave up.
_MAY_SHRINK = frozenset({Count.CONNECTIONS_PLANNED})

# All that the durations of a histogram can add up to.
_SUM_BYTES = 16
_COUNT_WIDTHS = (1, 2, 4, 8)
_MOST_COUNT_BYTES = 8 * (int(bucket_of(np.array([HIGHEST_NS]), FINE)[0]) + 1)

_SLICE = re.compile(rf"(?:{'|'.join(SliceKind)}): [a-z0-9]{{1,20}}")


def tally_to_plain(tally: Tally) -> dict[str, Any]:
    """The tally; a metric without a value, in all or in one second, is left out."""
    metric_seconds: dict[str, list[Any]] = {}
    for (metric, second), histogram in tally.metric_seconds.items():
        if (state := histogram.state()) is not None:
            metric_seconds.setdefault(metric.value, []).append([second, _histogram_to_plain(state)])
    return {
        "origin_ns": tally.origin_ns,
        "counts": _counts_to_plain(tally.counts),
        "metrics": {
            metric.value: _histogram_to_plain(state)
            for metric, histogram in tally.metrics.items()
            if (state := histogram.state()) is not None
        },
        "errors": [
            # A server's words may hold half a surrogate pair, which UTF-8 cannot.
            [kind.value, phase, error.count, error.example.encode(errors="replace").decode()]
            for (kind, phase), error in tally.errors.items()
        ],
        "seconds": [[second, _counts_to_plain(counts)] for second, counts in tally.seconds.items()],
        "metric_seconds": metric_seconds,
        "incidents": [[number, *_incident_to_plain(incident)] for number, incident in tally.incidents.items()],
        "slices": [[name, *_slice_to_plain(part)] for name, part in tally.slices.items()],
        "closes": [[*close, count] for close, count in tally.closes.items()],
        "examples": [[fault.value, *example] for fault in Fault for example in tally.examples.of(fault)],
    }


def tally_from_plain(data: object) -> Tally:
    """The tally that was made into ``data``; ValueError where none was."""
    parts = ("counts", "metrics", "errors", "seconds", "metric_seconds", "incidents", "slices", "closes", "examples")
    fields = checked.fields(data, "tally", "origin_ns", *parts)
    tally = Tally(checked.integer(fields["origin_ns"], "tally.origin_ns", -checked.LATEST_NS, checked.LATEST_NS))
    tally.counts = _counts_from_plain(fields["counts"], "tally.counts")
    for name, histogram in checked.items(fields["metrics"], "tally.metrics"):
        metric = checked.member(Metric, name, "tally.metrics")
        tally.metrics[metric] = _histogram_from_plain(histogram, FINE, f"tally.metrics.{metric}")
    for kind, phase, count, example in checked.rows(fields["errors"], 4, where := "tally.errors"):
        key = checked.member(ErrorKind, kind, where), checked.text(phase, where)
        tally.errors[key] = ErrorCount(checked.integer(count, where, 1), checked.text(example, where))
    for second, events in checked.rows(fields["seconds"], 2, where := "tally.seconds"):
        tally.seconds[_second(second, where)] = Counter(
            {
                checked.member(PerSecond, event, where): checked.integer(count, where)
                for event, count in checked.items(events, where)
            }
        )
    for name, rows in checked.items(fields["metric_seconds"], "tally.metric_seconds"):
        metric = checked.member(Metric, name, "tally.metric_seconds")
        for second, histogram in checked.rows(rows, 2, where := f"tally.metric_seconds.{metric}"):
            place = metric, _second(second, where)
            tally.metric_seconds[place] = _histogram_from_plain(histogram, COARSE, where)
    for number, *row in checked.rows(fields["incidents"], 7, where := "tally.incidents"):
        tally.incidents[checked.integer(number, where, 0, _MOST_INCIDENTS)] = _incident_from_plain(row, where)
    for name, counts, metrics in checked.rows(fields["slices"], 3, where := "tally.slices"):
        if not _SLICE.fullmatch(checked.text(name, where)):
            raise checked.unexpected(name, "the name of a slice", where)
        tally.slices[name] = _slice_from_plain(counts, metrics, f"{where}.{name}")
    for code, phase, who, count in checked.rows(fields["closes"], 4, where := "tally.closes"):
        close = Close(
            checked.integer(code, where, 0, 0xFFFF), checked.text(phase, where), checked.member(Closer, who, where)
        )
        count_close(tally.closes, close, checked.integer(count, where, 1))
    tally.examples = _examples_from_plain(fields["examples"], "tally.examples")
    return tally


def _counts_to_plain(counts: Mapping[str, int]) -> dict[str, int]:
    return {str(name): number for name, number in counts.items()}


def _counts_from_plain(data: object, where: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name, number in checked.items(data, where):
        counter = _COUNTERS.get(name)
        if counter is None:
            raise ValueError(f"{where}: no such counter: {short(name)}")
        counts[counter] = checked.integer(
            number, f"{where}.{counter}", -checked.HIGHEST if counter in _MAY_SHRINK else 0
        )
    return counts


def _incident_to_plain(incident: IncidentTally) -> list[Any]:
    """[hit, missed, recovered, close codes, times of coming back, times of closes]; None where there are no times."""
    states = [histogram.state() for histogram in (incident.back, incident.closed)]
    return [
        incident.hit_count,
        incident.missed_count,
        incident.recovered_count,
        [[code, count] for code, count in incident.closes.items()],
        *(None if state is None else _histogram_to_plain(state) for state in states),
    ]


def _incident_from_plain(row: Sequence[object], where: str) -> IncidentTally:
    hit, missed, recovered, closes, *times = row
    back, closed = (Histogram() if each is None else _histogram_from_plain(each, FINE, where) for each in times)
    codes = {
        checked.integer(code, where, 0, 0xFFFF): checked.integer(count, where, 1)
        for code, count in checked.rows(closes, 2, where)
    }
    return IncidentTally(
        checked.integer(hit, where),
        back,
        closed,
        Counter(codes),
        checked.integer(missed, where),
        checked.integer(recovered, where),
    )


def _slice_to_plain(part: SliceTally) -> list[Any]:
    """[counters, metrics]; a metric without a value is left out."""
    states = {name: histogram.state() for name, histogram in part.metrics.items()}
    metrics = {str(name): _histogram_to_plain(state) for name, state in states.items() if state is not None}
    return [_counts_to_plain(part.counts), metrics]


def _slice_from_plain(counts: object, metrics: object, where: str) -> SliceTally:
    part = SliceTally(_counts_from_plain(counts, where))
    for name, histogram in checked.items(metrics, where):
        metric = checked.member(Metric, name, where)
        part.metrics[metric] = _histogram_from_plain(histogram, FINE, f"{where}.{metric}")
    return part


def _examples_from_plain(data: object, where: str) -> Examples:
    examples = Examples()
    for fault, *times, sender, sequence, receiver, room, received_ns, acked, was_seen, seen_ns in checked.rows(
        data, 11, where
    ):
        sent_ns, due_ns = (checked.integer(time_ns, where, -checked.LATEST_NS, checked.LATEST_NS) for time_ns in times)
        example = Example(
            sent_ns=sent_ns,
            due_ns=due_ns,
            sender=checked.integer(sender, where, 0, _HIGHEST_32),
            sequence=checked.integer(sequence, where, 0, _HIGHEST_32),
            receiver=checked.integer(receiver, where, 0, _HIGHEST_32),
            room=checked.integer_or_none(room, where),
            received_ns=checked.integer_or_none(received_ns, where),
            acked=checked.truth(acked, where) is True,
            was_seen=checked.truth(was_seen, where),
            seen_ns=checked.integer_or_none(seen_ns, where),
        )
        examples.keep(checked.member(Fault, fault, where), example)
    return examples


def _histogram_to_plain(state: State) -> list[Any]:
    """[min_ns, max_ns, sum of all as bytes, bytes a count, packed counts]."""
    highest = int(state.counts.max())
    width = next(width for width in _COUNT_WIDTHS if highest < 1 << 8 * width)
    counts = state.counts.astype(f"<u{width}").tobytes()
    return [state.min_ns, state.max_ns, state.sum_ns.to_bytes(_SUM_BYTES, "little"), width, packed(counts)]


def _histogram_from_plain(data: object, bits: int, where: str) -> Histogram:
    min_ns, max_ns, total, width, packed = checked.row(data, 5, where)
    width, total = checked.integer(width, where), checked.binary(total, where)
    content = unpacked(packed, _MOST_COUNT_BYTES, where)
    if width not in _COUNT_WIDTHS or len(content) % width or len(total) != _SUM_BYTES:
        raise ValueError(f"{where}: {len(content)} bytes of counts of {width}, and a sum of {len(total)} bytes")
    state = State(
        counts=np.frombuffer(content, f"<u{width}").astype(np.int64),
        sum_ns=int.from_bytes(total, "little"),
        min_ns=checked.integer(min_ns, where),
        max_ns=checked.integer(max_ns, where),
    )
    try:
        return Histogram.restored(state, bits)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _second(data: object, where: str) -> int:
    return checked.integer(data, where, -_FARTHEST_S, _FARTHEST_S)
