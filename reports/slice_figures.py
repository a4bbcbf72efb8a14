"""What was measured of each slice of a run, as the document tells it."""

from __future__ import annotations

from typing import Any

from loadgen.measure.record import PhaseSpan, Record
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.tally import OF_A_NODE, OF_A_PHASE, OF_A_SLICE, Count
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.slices import OTHER_NODE, SAME_NODE, SliceKind, kind_of
from reports.figures import metric_of

_OF_A_SLICE = tuple(name for name in Count if name in OF_A_SLICE)
_OF_A_NODE = tuple(name for name in Count if name in OF_A_NODE)
_OF_A_PHASE = tuple(name for name in Count if name in OF_A_PHASE)


def figures_of(record: Record, window_ns: int) -> list[dict[str, Any]]:
    """Rooms by size, stages, incidents and nodes, where they are told apart, and each phase that the run came to.

    ``window_s`` is how long a slice was, of a measured window so long; metrics are those that something came of.
    """
    slicing = record.plan.slicing
    # That a server could have had several nodes is seen from the plan, and that it had them from the run alone.
    has_nodes = not record.tally.slices.keys().isdisjoint((SAME_NODE, OTHER_NODE))
    messages = [
        _figures(
            record,
            name,
            slicing.length_ns(name, window_ns) / NS_PER_S,
            _OF_A_NODE if kind_of(name) is SliceKind.NODE else _OF_A_SLICE,
        )
        for name in slicing.names
        if has_nodes or kind_of(name) is not SliceKind.NODE
    ]
    phases = [
        _figures(record, SliceKind.PHASE.named(span.phase), _length_s(span), _OF_A_PHASE) for span in record.phases
    ]
    return messages + phases


def _figures(record: Record, name: str, length_s: float | None, counters: tuple[Count, ...]) -> dict[str, Any]:
    part = record.tally.slices.get(name, SliceTally())
    return {
        "name": name,
        "window_s": length_s,
        "metrics": {str(metric): metric_of(times) for metric, times in sorted(part.metrics.items()) if times.count},
        "counters": {str(counter): part.counts[counter] for counter in counters},
    }


def _length_s(span: PhaseSpan) -> float | None:
    return None if span.end_ns is None else (span.end_ns - span.start_ns) / NS_PER_S
