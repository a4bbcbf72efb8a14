"""The table of all thresholds; what is not in it is doubted whenever it happens. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from loadgen.measure.doubts.doubt import Severity


@dataclass(frozen=True, slots=True)
class Threshold:
    """Above what a figure is doubted, and how much; infinite where it never weighs so much."""

    note: float = math.inf
    warning: float = math.inf
    fatal: float = math.inf

    def severity_of(self, value: float) -> Severity | None:
        """How much the figure is doubted; None where it is in order."""
        if value > self.fatal:
            return Severity.FATAL
        if value > self.warning:
            return Severity.WARNING
        return Severity.NOTE if value > self.note else None


# Of generator_late, the larger of a fixed time and a share of the median delivery time counts: to be 3 ms late
# spoils a figure of 1 ms, not one of 300 ms.
LATE_MS = Threshold(warning=2, fatal=10)
LATE_SHARE_OF_P50 = Threshold(warning=1 / 10, fatal=1 / 4)
CORE_RATIO = Threshold(warning=0.80, fatal=0.95)
LOOP_LAG_MS = Threshold(warning=5, fatal=20)
UNSENT_SHARE = Threshold(note=0, warning=0.005, fatal=0.02)
LIMIT_SHARE = Threshold(warning=0.90)
OTHERS_CPU_RATIO = Threshold(warning=0.10)
GC_PAUSE_MS = Threshold(note=5)
# Everybody told of everybody: 2,000 users cost 4 million frames, a few seconds of a fast server.
USERS_WITHOUT_A_JOIN = Threshold(note=2_000)
