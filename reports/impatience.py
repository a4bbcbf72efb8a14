"""When a run that is still going on has failed for good: what --abort-on-fail waits for.

A count only grows, so one over its limit stays there. A quantile may recover; it is given up when it has been over its
limit for some snapshots in a row. What has to become larger is judged at the end alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from loadgen.measure.record import Phase
from loadgen.measure.tally import Count
from reports.budgets import Budget, Document

# Snapshots, and so seconds: one slow second is not yet a failed run.
SNAPSHOTS_IN_A_ROW = 3


class Impatience:
    """Watches the budgets from snapshot to snapshot."""

    def __init__(self, budgets: Iterable[Budget], after_s: float = 0.0) -> None:
        """Nothing is looked at before ``after_s`` of the measured window are over: a server may be slow at first."""
        self._after_s = after_s
        self._broken_count = {budget: 0 for budget in budgets if _can_fail_for_good(budget)}

    def is_over(self, document: Document, now_s: float) -> bool:
        """Whether a budget has failed for good.

        ``document`` is the newest snapshot, histograms included, ``now_s`` after the start of the run.
        """
        if self._after_s and not self._has_waited(document, now_s):
            return False
        for budget in self._broken_count:
            observed = budget.observe(document)
            broken = observed is not None and not _may_still_hold(budget, observed)
            self._broken_count[budget] = self._broken_count[budget] + 1 if broken else 0
        return any(
            count >= (1 if budget.metric in set(Count) else SNAPSHOTS_IN_A_ROW)
            for budget, count in self._broken_count.items()
        )

    def _has_waited(self, document: Document, now_s: float) -> bool:
        starts_s = [phase["start_s"] for phase in document["phases"] if phase["name"] == Phase.MEASURE]
        return any(now_s - start_s >= self._after_s for start_s in starts_s)


def _can_fail_for_good(budget: Budget) -> bool:
    if budget.metric in set(Count):
        # A rate is a count over the whole window, of which only a part is over.
        return budget.operator in ("<", "<=", "==")
    return budget.operator in ("<", "<=")


def _may_still_hold(budget: Budget, observed: float) -> bool:
    return observed <= budget.limit if budget.operator == "==" else budget.holds(observed)
