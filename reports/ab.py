"""The document of interleaved pairs (schema chatbench.ab/1): base and head in turns, and what can be said. Pure.

It has the sections of a comparison (compare, settings, machine, times, counts, curves: see :mod:`reports.compare`),
with the statistics of pairs, and

ab        id, command, started_at, finished_at, seconds, seed, scenario, base, head (address or command), alike (a
          server beside itself), pairs_planned, max_pairs, turn_s (null: one run after the other), pairs (that count),
          looks [{pairs, error, verdict}], ended, why [sentence]
pairs     [{number, first (base | head), counts (false: repeated), base, head (each {run (a directory, null where there
          was none), failures, doubts, values {metric: ms}})}]
noise     of a server beside itself: {resamples, false_alarms, inconclusive (shares of all), smallest {metric: by how
          much it must rise to be found 95 times in 100; null: not even 5 times as slow}}; else null
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from reports import compare
from reports.budgets import Document, ExitCode
from reports.compare import COUNTS, Whole, names_of_times, times_of
from reports.inference import FEWEST_PAIRS, estimate_of
from reports.power import Look, Pairs, rates_of, smallest_effect
from reports.trials import Pair, Side, Trial, Worse, values_of_pairs, worse_by

SCHEMA = "chatbench.ab/1"

# Of the repetitions that tell how often pairs mislead: within 2 % of a rate of 5 %, and a few seconds.
RESAMPLES = 500
# Examples of failures that a sentence names.
_NAMED = 2


class Ended(StrEnum):
    """Why there are no more pairs."""

    DECIDED = "decided"
    MAX_PAIRS = "max_pairs"
    UNBELIEVABLE = "unbelievable"
    """Too many runs could not be believed."""
    INTERRUPTED = "interrupted"


@dataclass(slots=True)
class Course:
    """What was found so far."""

    looks: Sequence[Look]
    """All that are planned: rising numbers of pairs."""
    tolerances: Mapping[str, float]
    """What is judged, by metric and quantile, and how much it may rise."""
    pairs: list[Pair] = field(default_factory=list)
    taken: list[tuple[Look, Whole]] = field(default_factory=list)
    """The looks that were taken, and what they saw."""
    ended: Ended | None = None
    """None: it goes on."""

    @property
    def counting(self) -> list[Pair]:
        """The pairs that count."""
        return [pair for pair in self.pairs if pair.counts]

    @property
    def next_look(self) -> Look | None:
        """The one that comes next; None after the last."""
        return None if len(self.taken) == len(self.looks) else self.looks[len(self.taken)]

    def look(self) -> Whole:
        """What the pairs come to now; it is one of the looks that were planned."""
        look = self.next_look
        assert look is not None, "there is one for each batch of pairs"
        whole = _whole(self, _times(self, look.error), _counts(self.counting))
        self.taken.append((look, whole))
        return whole


def build(facts: Mapping[str, Any], course: Course) -> Document:
    """The document as far as the course has come; ``facts`` are those of ``ab`` that it does not know."""
    pairs = course.counting
    look = course.taken[-1][0] if course.taken else course.looks[0]
    times, counts = _times(course, look.error), _counts(pairs)
    whole = _whole(course, times, counts)
    documents = {side: [doc for pair in pairs if (doc := pair.of(side).document) is not None] for side in Side}
    firsts = [documents[side][0] for side in Side if documents[side]]
    settings, machine = compare.differences_of(*firsts) if len(firsts) == 2 else ([], [])
    code = compare.CODES[whole] if course.ended is not Ended.INTERRUPTED else ExitCode.INTERRUPTED
    return {
        "schema": SCHEMA,
        "compare": {
            "base": _side(course, Side.BASE),
            "new": _side(course, Side.HEAD),
            "scenario": facts["scenario"],
            "verdict": str(whole),
            "exit_code": int(code),
            "advice": _advice(whole, course, times),
        },
        # In turns, each of them is silent when the other talks.
        "settings": [asdict(each) for each in settings if not facts["turn_s"] or each.key != "traffic.rate_stages"],
        "machine": [asdict(each) for each in machine],
        "times": times,
        "counts": counts,
        "curves": compare.curves_of(documents[Side.BASE], documents[Side.HEAD]),
        "ab": dict(facts)
        | {
            "pairs": len(pairs),
            "looks": [
                {"pairs": seen.pair_count, "error": seen.error, "verdict": str(said)} for seen, said in course.taken
            ],
            "ended": None if course.ended is None else str(course.ended),
            "why": _why(pairs, times, counts),
        },
        "pairs": [_told(pair, course.tolerances) for pair in course.pairs],
        "noise": _noise(course, facts["seed"]) if facts["alike"] and course.ended is not None else None,
    }


def _side(course: Course, side: Side) -> dict[str, int]:
    trials = [pair.of(side) for pair in course.pairs]
    return {
        "runs": len(trials),
        "failed": sum(bool(trial.failures) for trial in trials),
        "invalid": sum(bool(trial.doubts) for trial in trials),
    }


def _times(course: Course, error: float) -> list[dict[str, Any]]:
    values = values_of_pairs(course.counting, names_of_times(course.tolerances))
    return times_of(values, course.tolerances, error, estimate_of)


def _counts(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name in COUNTS if pairs else ():  # without pairs there is nothing to count, which is not 0
        differences = [pair.head.count(name) - pair.base.count(name) for pair in pairs]
        base = sum(pair.base.count(name) for pair in pairs)
        is_worse = worse_by(differences, base)
        row = {"name": name, "base": base, "new": base + sum(differences), "worse": is_worse is Worse.YES}
        rows.append(row | {"perhaps": is_worse is Worse.PERHAPS})
    return rows


def _failing(pairs: Sequence[Pair]) -> Worse:
    failed = {side: [bool(pair.of(side).failures) for pair in pairs] for side in Side}
    differences = [head - base for base, head in zip(failed[Side.BASE], failed[Side.HEAD], strict=True)]
    return worse_by(differences, sum(failed[Side.BASE]))


def _whole(course: Course, times: Sequence[dict[str, Any]], counts: Sequence[dict[str, Any]]) -> Whole:
    if course.ended is Ended.UNBELIEVABLE or not course.counting:
        return Whole.INVALID if course.pairs else Whole.CANNOT_TELL
    failing = _failing(course.counting)
    gated = [row["verdict"] for row in times if row["tolerance"] is not None]
    if failing is Worse.YES or compare.Verdict.SLOWER in gated or any(row["worse"] for row in counts):
        return Whole.WORSE
    is_open = failing is Worse.PERHAPS or any(row["perhaps"] for row in counts)
    return Whole.CANNOT_TELL if is_open or compare.Verdict.CANNOT_TELL in gated else Whole.NO_WORSE


def _why(pairs: Sequence[Pair], times: Sequence[dict[str, Any]], counts: Sequence[dict[str, Any]]) -> list[str]:
    """What makes head worse, in sentences without a full stop; none where nothing does."""
    sentences = []
    failed = {side: [pair for pair in pairs if pair.of(side).failures] for side in Side}
    if _failing(pairs) is not Worse.NO:
        examples = list(dict.fromkeys(why for pair in failed[Side.HEAD] for why in pair.head.failures))[:_NAMED]
        sentences.append(
            f"head failed in {len(failed[Side.HEAD])} of {len(pairs)} pairs, base in {len(failed[Side.BASE])}: "
            + "; ".join(examples)
        )
    return sentences + compare.why_worse(times, counts, "head")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _advice(whole: Whole, course: Course, times: Sequence[dict[str, Any]]) -> str | None:
    advice = _remedy(whole, course, times)
    if course.ended is not Ended.INTERRUPTED:
        return advice
    count = len(course.pairs)
    stopped = f"stopped by hand after {count} pair{'s' * (count != 1)}"
    return stopped if advice is None else f"{stopped}; {advice}"


def _remedy(whole: Whole, course: Course, times: Sequence[dict[str, Any]]) -> str | None:
    pairs = course.counting
    if whole is Whole.INVALID:
        doubts = dict.fromkeys(doubt for pair in course.pairs for side in Side for doubt in pair.of(side).doubts)
        named = "; ".join(list(doubts)[:_NAMED])
        return f"too many runs cannot be believed ({named}): a smaller load, or a quieter machine"
    if whole is not Whole.CANNOT_TELL:
        return None
    if any(pair.base.failures for pair in pairs):
        return "base fails now and then, too: while it does, nothing can be said of failures of head"
    if len(pairs) < FEWEST_PAIRS:
        return f"of times it takes {FEWEST_PAIRS} pairs, and there are {len(pairs)}{_unseen(times)}"
    remedy = "more pairs, longer runs (--duration), or a quieter machine"
    return f"the runs differ too much among themselves: {remedy}{_unseen(times)}"


def _unseen(times: Sequence[dict[str, Any]]) -> str:
    """How much worse head may be, and what would not show."""
    told = [
        f"{_words(row['metric'])} may have risen by up to {max(0.0, 100 * row['high'] - 100):.2g} % "
        f"(less than {100 * row['smallest_effect']:.2g} % does not show)"
        for row in times
        if row["tolerance"] is not None and row["smallest_effect"] is not None
    ]
    return f"; {', '.join(told)}" if told else ""


def _told(pair: Pair, tolerances: Mapping[str, float]) -> dict[str, Any]:
    def trial(of_side: Trial) -> dict[str, Any]:
        values = {
            name: None if of_side.document is None else compare.value_of(of_side.document, name) for name in tolerances
        }
        return {"run": of_side.run, "failures": list(of_side.failures), "doubts": of_side.doubts, "values": values}

    return {
        "number": pair.number,
        "first": str(pair.first),
        "counts": pair.counts,
        "base": trial(pair.base),
        "head": trial(pair.head),
    }


def _noise(course: Course, seed: int) -> dict[str, Any] | None:
    values = values_of_pairs(course.counting, list(course.tolerances))
    known = {name: sides for name, sides in values.items() if len(sides[0]) >= FEWEST_PAIRS}
    if not known:
        return None
    count = min(len(base) for base, _ in known.values())
    alike = {name: (base[:count], head[:count]) for name, (base, head) in known.items()}
    pairs = Pairs.of(alike, course.tolerances)
    rates = rates_of(pairs, course.looks, {}, RESAMPLES, seed)
    return {
        "resamples": RESAMPLES,
        "false_alarms": rates.regression,
        "inconclusive": rates.inconclusive,
        "smallest": {name: smallest_effect(pairs, course.looks, name, RESAMPLES, seed) for name in known},
    }
