"""What was sent, and how late: noted for each message in 0.05 us, counted many at a time."""

from __future__ import annotations

import numpy as np

from loadgen.measure.tally import Count, Metric, PerSecond, Tally


class Sends:
    """Messages that were handed to the transport and are not in the tally yet."""

    __slots__ = ("_log", "note")

    def __init__(self) -> None:
        self._log: list[int] = []  # due_ns, sent_ns, due_ns, sent_ns, ...
        self.note = self._log.extend
        """Take down one message: (due_ns, sent_ns)."""

    def account(self, tally: Tally, window_ns: tuple[int, int]) -> None:
        """Count and time what was noted since; measured is what was due in ``window_ns``, its end excluded."""
        if not self._log:
            return
        due_ns, sent_ns = np.array(self._log, dtype=np.int64).reshape(-1, 2).T
        del self._log[:]
        late_ns = sent_ns - due_ns
        measured = (window_ns[0] <= due_ns) & (due_ns < window_ns[1])
        measured_count = int(np.count_nonzero(measured))
        tally.counts[Count.MESSAGES_DUE] += measured_count
        tally.counts[Count.MESSAGES_SENT] += measured_count
        tally.metrics[Metric.SEND_LATENESS].record_many(late_ns[measured])
        for second, at in tally.by_second(due_ns):
            tally.seconds[second][PerSecond.MESSAGES_DUE] += int(np.count_nonzero(at))
        for second, at in tally.by_second(sent_ns):
            tally.seconds[second][PerSecond.MESSAGES_SENT] += int(np.count_nonzero(at))
            tally.of_second(Metric.SEND_LATENESS, second).record_many(late_ns[at])
