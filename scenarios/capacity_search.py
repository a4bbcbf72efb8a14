"""Which load to try next: doubled until something breaks, then halved between what held and what broke. Pure.

Feedback, not guesswork. A load *held* when every budget did and the run could be believed. The answer is an interval:
the largest load that held, and the smallest that did not. Neither end rests on one run: the latter is tried once more,
since a single hiccup of the machine breaks any load, and the former is confirmed by a longer run. A load so small that
there were too few samples to judge by says nothing of the server: more is tried, as if it had held.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

# The answer's interval is at most this share of its upper end wide.
PRECISION = 0.1
# A load that does not hold for longer is given up, and another one sought below it, so often.
MOST_CONFIRMATIONS = 5
# A load that broke by chance is taken back, so often: where answers change all the time, one of them has to do.
MOST_TAKEN_BACK = 5
# Doubled so often without samples enough, more load will not bring them.
MOST_SPARSE = 8


class Outcome(StrEnum):
    """What became of a load."""

    HELD = "held"
    BROKE = "broke"  # a budget, or the server let nobody in
    UNBELIEVABLE = "unbelievable"  # the generator or the machine was at its end
    SPARSE = "too_few_samples"  # to judge a budget by


@dataclass(frozen=True, slots=True)
class Next:
    """What to try."""

    load: int
    confirms: bool
    """Whether it is the longer run that has the last word."""


@dataclass(slots=True)
class Search:
    """One search. Ask :meth:`next`, try it, and :meth:`tell`, until there is nothing to try."""

    start: int
    """The first load to try; > 0."""
    most: int | None = None
    """More cannot be offered; None: as far as it goes."""
    least: int = 1
    """Less cannot be offered."""
    _held: list[int] = field(default_factory=list)  # rising
    # Only before one held: afterwards it is the server that sends less.
    _sparse: list[int] = field(default_factory=list)
    _broke: dict[int, Outcome] = field(default_factory=dict)
    _surely_broke: set[int] = field(default_factory=set)  # twice, or when it was to be confirmed
    _taken_back_count: int = 0
    _confirmed: int | None = None
    _confirmation_count: int = 0

    def next(self) -> Next | None:
        """None when the answer is found, or there is none."""
        held, broke = self.held or 0, self.broke
        floor = max([held, *self._sparse])
        if broke is None:
            if self.most is not None and floor >= self.most:
                return self._confirmation()
            if len(self._sparse) > MOST_SPARSE:
                return None
            wanted = self.start if not floor else 2 * floor
            return Next(wanted if self.most is None else min(wanted, self.most), confirms=False)
        between = broke - floor
        # Narrowed down; or not even the least has held.
        if broke <= self.least or (floor and between <= max(1, PRECISION * broke)):
            return self._again(broke) or self._confirmation()
        return Next(floor + between // 2 if floor else max(self.least, broke // 2), confirms=False)

    def _again(self, broke: int) -> Next | None:
        if broke in self._surely_broke or self._taken_back_count >= MOST_TAKEN_BACK:
            return None
        return Next(broke, confirms=False)

    def _confirmation(self) -> Next | None:
        if self.held is None or self._confirmed == self.held or self._confirmation_count >= MOST_CONFIRMATIONS:
            return None
        return Next(self.held, confirms=True)

    def tell(self, tried: Next, outcome: Outcome) -> None:
        """What became of it."""
        if tried.confirms:
            self._confirmation_count += 1
        if outcome is Outcome.HELD:
            if tried.confirms:
                self._confirmed = tried.load
            else:
                if self._broke.pop(tried.load, None) is not None:
                    self._taken_back_count += 1
                self._held = sorted([*self._held, tried.load])
        elif outcome is Outcome.SPARSE and self.held is None:
            self._sparse.append(tried.load)
        else:
            if tried.confirms or tried.load in self._broke:
                self._surely_broke.add(tried.load)
            self._broke[tried.load] = outcome
            # What held below is believed; what held above a load that did not was luck.
            self._held = [load for load in self._held if load < tried.load]
            self._sparse = [load for load in self._sparse if load < tried.load]

    @property
    def held(self) -> int | None:
        """The largest load that held."""
        return self._held[-1] if self._held else None

    @property
    def broke(self) -> int | None:
        """The smallest that did not."""
        return min(self._broke) if self._broke else None

    @property
    def why(self) -> Outcome | None:
        """How the smallest that did not hold ended; where that was our own end, more may hold than was found."""
        return self._broke[self.broke] if self.broke is not None else None

    @property
    def is_confirmed(self) -> bool:
        """Whether the answer has held for longer."""
        return self._confirmed is not None and self._confirmed == self.held
