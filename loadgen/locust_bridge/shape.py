"""The stages of a scenario as Locust follows them."""

from __future__ import annotations

from collections.abc import Sequence

from locust import LoadTestShape

from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.stages import Stage, user_count_at

# A run ends by itself, a little after its stages, which begin when everything is ready; this is for one that does not.
OVERTIME_S = 60.0


class StagesShape(LoadTestShape):
    """Straight lines from one number of users to the next, looked at once a second, as Locust does."""

    abstract = True  # it needs stages: Locust shall not take it for one that it can make itself

    def __init__(self, stages: Sequence[Stage]) -> None:
        super().__init__()
        self._stages = stages
        self._length_s = sum(stage.length_ns for stage in stages) / NS_PER_S
        self._most = max(stage.user_count for stage in stages)

    def tick(self) -> tuple[int, float] | None:
        """How many users there are to be, and as many a second that the next second begins with all of them."""
        spent_s = self.get_run_time()
        if spent_s >= self._length_s + OVERTIME_S:
            return None
        # What is true in half a second is true on average until the next look.
        at_s = min(spent_s + 0.5, self._length_s)
        return user_count_at(self._stages, round(at_s * NS_PER_S)), float(max(1, self._most))
