"""How much a calibration looks at, all of it or the most telling part, and how long that takes."""

from __future__ import annotations

from dataclasses import dataclass

from loadgen.plan.plan import TransportKind

LOGNORMAL = 'delay = { kind = "lognormal", median_ms = 10, sigma = 0.5 }'
DELAYS = (
    ("no delay", ""),
    ("constant 20 ms", 'delay = { kind = "constant", ms = 20 }'),
    ("uniform 1-20 ms", 'delay = { kind = "uniform", from_ms = 1, to_ms = 20 }'),
    ("lognormal 10 ms", LOGNORMAL),
)
CEILING_RATIOS = (0.1, 0.3, 0.6)
# Receivers of one room, which are told in a row.
BURSTS = (100, 500)
MOST_SOCKETS = 10_000
# Shorter than the drain, so that what became of a delivery is settled while everybody is there.
COUNTS_DEADLINE_S = 1.0
FREEZE_WINDOW_S = 10.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is looked at."""

    warmup_s: float
    window_s: float
    """Of runs against the faulty target."""
    ceiling_window_s: float
    ceiling_steps: int
    """How often the ceiling is closed in on, once it lies between two rates."""
    sockets: int
    grid: tuple[tuple[tuple[str, str], int, TransportKind], ...]
    """(delay, processes, transport)"""
    ceiling_ratios: tuple[float, ...]
    counts: tuple[tuple[int, TransportKind, bool], ...]
    """(processes, transport, whether with a reconnect storm)"""
    bursts: tuple[tuple[int, TransportKind], ...]
    """(receivers, transport)"""
    floor_s: float
    attempts: int
    """How often a run is made whose quantiles are too far off; the middle one holds."""

    @property
    def step_count(self) -> int:
        """How many steps there are."""
        # With the rates go the way for each, the target's ceiling, and the two that are too much.
        rates = 3 + 2 * len(self.ceiling_ratios) if self.ceiling_ratios else 0
        ways = len({processes for _, processes, _ in self.grid})
        return 4 + ways + len(self.grid) + rates + len(self.bursts) + len(self.counts)

    @property
    def about_s(self) -> float:
        """How long all of it takes: what the runs are planned for, and what was seen to come before and after them."""
        relays = (5 + self.ceiling_steps) * (self.ceiling_window_s + self.warmup_s + 4)
        sockets = self.sockets / 1_500 + 6
        rates = 7 + len(self.ceiling_ratios) if self.ceiling_ratios else 0
        compared = (len(self.grid) + rates + len(self.bursts)) * (self.window_s + self.warmup_s + 5.5)
        stormy = sum(stormy for *_, stormy in self.counts)
        counted = len(self.counts) * (self.window_s + 6.5) + stormy * (self.window_s - COUNTS_DEADLINE_S)
        return (
            relays
            + sockets
            + compared
            + counted
            + FREEZE_WINDOW_S
            + 5.5
            + (2 + len(self.ceiling_ratios)) * self.floor_s
        )


_PICOWS, _WEBSOCKETS = TransportKind.PICOWS, TransportKind.WEBSOCKETS
FULL = Extent(
    warmup_s=1.0,
    window_s=5.0,
    ceiling_window_s=4.0,
    ceiling_steps=2,
    sockets=MOST_SOCKETS,
    grid=tuple((delay, count, kind) for delay in DELAYS for count in (1, 2) for kind in (_PICOWS, _WEBSOCKETS)),
    ceiling_ratios=CEILING_RATIOS,
    counts=(
        *((count, kind, False) for count in (1, 2) for kind in (_PICOWS, _WEBSOCKETS)),
        *((count, _PICOWS, True) for count in (1, 2)),
    ),
    bursts=tuple((receivers, kind) for receivers in BURSTS for kind in (_PICOWS, _WEBSOCKETS)),
    floor_s=12.0,
    attempts=3,
)
QUICK = Extent(
    warmup_s=0.5,
    window_s=3.0,
    ceiling_window_s=1.5,
    ceiling_steps=0,
    sockets=1_000,
    grid=((DELAYS[0], 1, _PICOWS), (DELAYS[3], 2, _WEBSOCKETS)),
    ceiling_ratios=(),
    counts=((1, _PICOWS, False), (2, _PICOWS, True)),
    bursts=(),
    floor_s=2.0,
    attempts=1,
)
