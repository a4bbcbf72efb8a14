"""Runs of base and head in turns: which of them failed, and what that says of the two. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb

from reports.budgets import Document
from reports.compare import value_of
from reports.verdicts import ENDED_EARLY, observed_text

# Where both sides fail now and then, so many more pairs in which head does are chance in one of 20 at most.
CHANCE = 0.05

# What makes a run invalid by itself, and is the server's doing as soon as another server does better.
_OF_THE_SERVER = frozenset({"no_deliveries", "too_few_samples"})


class Side(StrEnum):
    """Which server."""

    BASE = "base"
    HEAD = "head"


class Worse(StrEnum):
    """Whether head fails more than base."""

    YES = "yes"
    NO = "no"
    PERHAPS = "perhaps"


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one side."""

    document: Document | None
    """None where there was nobody to measure."""
    run: str | None
    """Its directory."""
    failures: tuple[str, ...]
    """Why the server failed in it."""

    @classmethod
    def of(cls, document: Document, run: str, died: str | None) -> Trial:
        """That of a run; ``died`` says how the server ended, where it did so meanwhile."""
        failures = [f"the server ended ({died})"] if died is not None else []
        early = document["run"]["ended_early"]
        failures += [ENDED_EARLY[early]] if early in ENDED_EARLY and early != "budget_broken" else []
        failures += [_broken(budget) for budget in document["budgets"] if not budget["ok"]]
        return cls(document, run, tuple(failures))

    @property
    def doubts(self) -> list[str]:
        """Why the generator cannot be believed; none where it can, or where nobody was measured."""
        if self.document is None:
            return []
        fatal = [doubt for doubt in self.document["doubts"] if doubt["severity"] == "fatal"]
        return [f"{doubt['code']}: {doubt['detail']}" for doubt in fatal if doubt["code"] not in _OF_THE_SERVER]

    def count(self, name: str) -> int:
        """A counter of the run; 0 where there was none."""
        return 0 if self.document is None else int(self.document["counters"].get(name, 0))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs, one after the other."""

    number: int
    first: Side
    base: Trial
    head: Trial

    @property
    def counts(self) -> bool:
        """Whether it says anything of the two: both runs can be believed."""
        return not (self.base.doubts or self.head.doubts)

    def of(self, side: Side) -> Trial:
        """The run of one side."""
        return self.base if side is Side.BASE else self.head


def worse_by(differences: Sequence[int], base: int) -> Worse:
    """Whether head fails more: of each pair how much more it failed there, and how much ``base`` failed in all.

    Where base never failed, one failure of head is enough. Where it did, pairs in which head failed more have to be
    more than chance would have it (the sign test).
    """
    more, fewer = sum(each > 0 for each in differences), sum(each < 0 for each in differences)
    if not base or more <= fewer:
        return Worse.YES if not base and more else Worse.NO
    # How likely it is by chance that so few of the pairs that differ, or fewer, speak for head.
    tail = sum(comb(more + fewer, k) for k in range(fewer + 1)) / 2 ** (more + fewer)
    return Worse.YES if tail <= CHANCE else Worse.PERHAPS


def values_of_pairs(pairs: Sequence[Pair], names: Sequence[str]) -> Mapping[str, tuple[list[float], list[float]]]:
    """Of each time, by metric and quantile, those of (base, head) in all pairs that have both."""
    values: dict[str, tuple[list[float], list[float]]] = {}
    for name in names:
        both = [(_value(pair.base, name), _value(pair.head, name)) for pair in pairs]
        known = [(base, head) for base, head in both if base is not None and head is not None]
        values[name] = ([base for base, _ in known], [head for _, head in known])
    return values


def _value(trial: Trial, name: str) -> float | None:
    return None if trial.document is None else value_of(trial.document, name)


def _broken(budget: Document) -> str:
    return f"{budget['expression']} ({observed_text(budget['expression'], budget['observed'])})"
