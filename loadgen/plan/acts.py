"""What a user does when it is its turn: a message to the room, to one other user, or something beside messages."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate

from loadgen.plan.pacing import Drawn, Stream


class Act(StrEnum):
    """One thing that a user does."""

    MESSAGE = "message"  # to everybody in its room
    DIRECT = "direct"  # to one other user
    TYPING = "typing"  # tell the room that one is about to write
    HISTORY = "history"  # read what was said in the room
    PRESENCE = "presence"  # ask who is there
    HTTP = "http"  # a request of the dialect's own choice


MESSAGES = frozenset({Act.MESSAGE, Act.DIRECT})
"""What the ledger keeps the books of: who must get it is known."""

Mix = tuple[tuple[Act, float], ...]
"""Acts and their weights, which are > 0."""

JUST_MESSAGES: Mix = ((Act.MESSAGE, 1.0),)


def acts_per_message(mix: Mix) -> float:
    """How many acts there are for each message; where there is no message at all, each act stands for one."""
    messages = sum(weight for act, weight in mix if act in MESSAGES)
    return sum(weight for _, weight in mix) / messages if messages else 1.0


@dataclass(slots=True)
class Acts:
    """What act ``n`` is, and whom it is for: settled by the seed, so that every process knows."""

    seed: int
    mix: Mix
    _bounds: Sequence[float] = field(init=False)
    _drawn: Drawn = field(init=False)
    _receivers: Drawn = field(init=False)

    def __post_init__(self) -> None:
        total = sum(weight for _, weight in self.mix)
        self._bounds = [bound / total for bound in accumulate(weight for _, weight in self.mix)][:-1]
        self._drawn = Drawn(self.seed, Stream.ACTS)
        self._receivers = Drawn(self.seed, Stream.RECEIVERS)

    def act_of(self, n: int) -> Act:
        """What act ``n`` (from 0) is, each as likely as its weight says."""
        if not self._bounds:
            return self.mix[0][0]
        return self.mix[bisect_right(self._bounds, self._drawn.of(n))][0]

    def receiver_of(self, n: int, sender: int, user_count: int) -> int:
        """Whom direct message ``n`` goes to: any of ``user_count`` > 1 users but its sender, each as likely."""
        receiver = int(self._receivers.of(n) * (user_count - 1))
        return receiver if receiver < sender else receiver + 1
