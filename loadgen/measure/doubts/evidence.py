"""What is known of a run when it is over, as far as it may make somebody doubt. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loadgen.measure.histogram import Histogram
from loadgen.measure.record import Death
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.tally import Metric, Tally


@dataclass(frozen=True, slots=True)
class JudgedQuantile:
    """A budget that judges the quantile ``q``, in (0, 1), of a metric."""

    expression: str
    metric: Metric
    q: float
    slice: str | None = None
    """Of which part of the run; None: of all of it."""
    at_most_ns: float | None = None
    """What it may be; None where the budget wants it to be no less than something."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a run when it is over; what is left out was not looked at."""

    tally: Tally
    sockets_per_process: int | None = None
    """How many sockets a process could hold."""
    process_count: int = 1
    """Over how many processes the users were spread."""
    ports_per_address: int | None = None
    """How many ephemeral ports there are from one source address to one node of the server."""
    address_pair_count: int = 1
    """Over how many pairs of a source address and a node the connections were spread."""
    users_never_tried: int = 0
    """Users whose login or connection the generator never got round to."""
    worker_cpu_ratios: Mapping[int, float] = field(default_factory=dict)
    """pid -> share of one core that the worker used in the measured window."""
    others_cpu_ratio: float | None = None
    """Share of all cores together that neither we nor our own target used in the measured window, but somebody did."""
    interrupted: bool = False
    deaths: tuple[Death, ...] = ()
    """Workers that did not live to the end."""
    target_died: str | None = None
    """How our own target ended, where it did so before we ended it and no plan wanted it to."""
    judged_quantiles: tuple[JudgedQuantile, ...] = ()
    deliveries_untimed: int = 0
    """Deliveries from another host, whose clock's offset is not known."""
    gc_pauses_ns: Histogram | None = None
    """The pauses of the workers' garbage collectors in the measured window, short ones too."""
    deliveries_per_s: float | None = None
    """Of each process on average, in the measured window."""
    calibrated_deliveries_per_s: float | None = None
    """What a process carried here when the generator was calibrated."""
    extensions: str | None = None
    """The Sec-WebSocket-Extensions that the server agreed to."""
    dialect_has_join: bool = True

    def times_of(self, part: str | None, metric: Metric) -> Histogram:
        """A metric of a slice of the run; None: of all of it."""
        if part is None:
            return self.tally.metrics[metric]
        return self.tally.slices.get(part, SliceTally()).of(metric)
