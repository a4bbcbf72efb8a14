"""Who is away by an incident of the plan, and what was said in their rooms meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from loadgen.measure.incident_tally import IncidentTally

Int64s = npt.NDArray[np.int64]

_NEVER_NS = np.iinfo(np.int64).max


class Absences:
    """The last absence of each user of one process. Times are monotonic ns."""

    def __init__(self, user_count: int) -> None:
        """``user_count`` is that of the whole plan."""
        self._user_count = user_count
        self._incident: npt.NDArray[np.int16] | None = None  # made when somebody is hit
        self._from_ns: Int64s = np.empty(0, np.int64)
        self._to_ns: Int64s = np.empty(0, np.int64)
        self._read: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)  # what each user has read of it

    @property
    def has_been_any(self) -> bool:
        """Whether anybody was ever away."""
        return self._incident is not None

    def began(self, user: int, incident: int, at_ns: int) -> None:
        """From ``at_ns`` on a user hears nothing, by the incident of that number."""
        if self._incident is None:
            self._incident = np.full(self._user_count, -1, np.int16)
            self._from_ns = np.full(self._user_count, _NEVER_NS, np.int64)
            self._to_ns = np.full(self._user_count, _NEVER_NS, np.int64)
        self._incident[user], self._from_ns[user], self._to_ns[user] = incident, at_ns, _NEVER_NS
        self._read.pop(user, None)

    def ended(self, user: int, at_ns: int) -> None:
        """It has asked for its rooms again: what is sent from now on may reach it."""
        if self._incident is not None:
            self._to_ns[user] = min(int(self._to_ns[user]), at_ns)

    def away(self, members: Int64s, sent_ns: int) -> Int64s:
        """Which of ``members``, users of ours, were away at ``sent_ns``; only where there has been anybody."""
        return members[(self._from_ns[members] <= sent_ns) & (sent_ns < self._to_ns[members])]

    def count_missed(self, members: Int64s, sent_ns: int, tallies: Callable[[int], IncidentTally]) -> None:
        """Count what was sent at ``sent_ns`` to ``members``, users of ours, for those who were away then."""
        if self._incident is None:
            return
        absent = self.away(members, sent_ns)
        if len(absent):
            counts = np.bincount(self._incident[absent])
            for incident in np.flatnonzero(counts).tolist():
                tallies(incident).missed_count += int(counts[incident])

    def count_read(
        self, user: int, message: tuple[int, int], sent_ns: int, tallies: Callable[[int], IncidentTally]
    ) -> None:
        """Count a message, as (sender, sequence), that a user has read in the history, if it missed it; once."""
        if self._incident is None or not self._from_ns[user] <= sent_ns < self._to_ns[user]:
            return
        read = self._read[user]
        if message not in read:
            read.add(message)
            tallies(int(self._incident[user])).recovered_count += 1
