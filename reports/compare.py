"""The document of a comparison (schema chatbench.compare/1): two runs, or two sets of runs of one scenario. Pure.

compare   base, new (each {runs, failed, invalid}), scenario, verdict (worse | no worse | cannot tell | invalid),
          exit_code, why [what makes new worse, without a full stop], advice
settings  [{key, base, new}]   what was asked for otherwise; what makes runs incomparable is refused before
machine   [{key, base, new}]   likewise, of the environment
times     [{metric, base_ms, new_ms (medians over runs), ratio, low, high (null without an interval), confidence (of the
          interval; of several that are judged it is more than 95 %, lest they cry wolf together), smallest_effect (by
          how much it would have had to rise for that to be seen: 0.1 is 10 %; null: unbounded), tolerance (null:
          reported, not judged), verdict: faster | slower | no slower | cannot tell}]
counts    [{name, base, new (sums over runs), worse}]   exact: no statistics
curves    {base, new: [the histogram of delivery times of each run, as in a result document]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import median
from typing import Any

from reports.budgets import Document, ExitCode
from reports.inference import FEWEST_PAIRS, Estimate, Estimator, Finding, estimate_of_sets, judged
from reports.planned import plain_text

SCHEMA = "chatbench.compare/1"
ERROR = 0.05

# What is judged, and by how much it may rise: enough samples lie beyond both in any run.
TOLERANCES: Mapping[str, float] = {"delivery_time p50": 0.05, "delivery_time p95": 0.10}
_REPORTED = (
    "delivery_time p99",
    "last_delivery_time p50",
    "ack_time p50",
    "login_time p50",
    "connect_time p50",
    "join_time p50",
    "reconnect_time p50",
)
COUNTS = (
    "deliveries_lost",
    "deliveries_duplicated",
    "deliveries_reordered",
    "deliveries_unexpected",
    "connections_failed",
    "connections_dropped",
)
# Of the plan: how a run is carried out and what it leaves behind is its own affair.
_OWN_AFFAIR = (
    "run.",
    "budgets",
    "target.url",
    "target.headers",
    "target.insecure",
    "target.ca",
    "target.client_cert",
    "target.client_key",
    "users.file",
    "users.tokens_file",
)
_LOAD = ("users.", "traffic.", "incident", "target.dialect", "target.compression")
_MACHINE = ("host", "cpu", "cores", "kernel", "python")
# Of these, two machines are two machines.
_FINGERPRINT = ("cpu", "cores")


class Verdict(StrEnum):
    """Of one time."""

    FASTER = "faster"
    SLOWER = "slower"
    NO_SLOWER = "no slower"
    CANNOT_TELL = "cannot tell"


class Whole(StrEnum):
    """Of all of it."""

    WORSE = "worse"
    NO_WORSE = "no worse"
    CANNOT_TELL = "cannot tell"
    INVALID = "invalid"


CODES = {
    Whole.WORSE: ExitCode.REGRESSION,
    Whole.NO_WORSE: ExitCode.PASS,
    Whole.CANNOT_TELL: ExitCode.INCONCLUSIVE,
    Whole.INVALID: ExitCode.INVALID,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not the same on both sides."""

    key: str
    base: str
    new: str


def differences_of(base: Document, new: Document) -> tuple[list[Difference], list[Difference]]:
    """What was asked for otherwise, and what of the environment is another: (settings, machine)."""
    plans = [{key: row["value"] for key, row in (document.get("plan") or {}).items()} for document in (base, new)]
    keys = [key for key in {**plans[0], **plans[1]} if not key.startswith(_OWN_AFFAIR)]
    settings = [_difference(key, plans[0].get(key), plans[1].get(key)) for key in keys]
    environments = [document.get("environment") or {} for document in (base, new)]
    machine = [_difference(key, environments[0].get(key), environments[1].get(key)) for key in _MACHINE]
    return [each for each in settings if each.base != each.new], [each for each in machine if each.base != each.new]


def _difference(key: str, base: Any, new: Any) -> Difference:
    return Difference(key, plain_text(base), plain_text(new))


def reason_against(base: Document, new: Document) -> str | None:
    """Why two runs cannot be compared, in a line; None where they can."""
    scenarios = [document["run"]["scenario"] for document in (base, new)]
    if scenarios[0] != scenarios[1]:
        return f"they are of different scenarios ({scenarios[0]} and {scenarios[1]})"
    settings, machine = differences_of(base, new)
    for each in settings:
        if each.key.startswith(_LOAD):
            return f"they carried another load ({each.key}: {each.base} and {each.new})"
    for each in machine:
        if each.key in _FINGERPRINT:
            return f"they were made on different machines ({each.key}: {each.base} and {each.new})"
    return None


def build(base: Sequence[Document], new: Sequence[Document]) -> Document:
    """The document of a comparison of two sets, each of at least one run, that can be compared."""
    settings, machine = differences_of(base[0], new[0])
    values = {name: (values_of(base, name), values_of(new, name)) for name in names_of_times(TOLERANCES)}
    times = times_of(values, TOLERANCES, ERROR, estimate_of_sets)
    counts = _counts(base, new)
    sides = {"base": side_of(base), "new": side_of(new)}
    whole = _whole(sides, times, counts)
    return {
        "schema": SCHEMA,
        "compare": sides
        | {"scenario": base[0]["run"]["scenario"], "verdict": str(whole), "exit_code": int(CODES[whole])}
        | {"why": _why(sides, times, counts), "advice": _advice(whole, min(len(base), len(new)))},
        "settings": [asdict(each) for each in settings],
        "machine": [asdict(each) for each in machine],
        "times": times,
        "counts": counts,
        "curves": curves_of(base, new),
    }


def curves_of(base: Sequence[Document], new: Sequence[Document]) -> dict[str, list[str | None]]:
    """The section ``curves``."""
    sides = (("base", base), ("new", new))
    return {name: [(each["metrics"].get("delivery_time") or {}).get("hdr") for each in side] for name, side in sides}


def side_of(documents: Sequence[Document]) -> dict[str, int]:
    """How many runs there are, and how many of them failed or cannot be believed."""
    verdicts = [document["verdict"] for document in documents]
    return {
        "runs": len(documents),
        "failed": verdicts.count("fail"),
        "invalid": len(verdicts) - verdicts.count("fail") - verdicts.count("pass"),
    }


def names_of_times(tolerances: Mapping[str, float]) -> list[str]:
    """All that is told of times: what is judged, and what is only reported."""
    return [*tolerances, *(name for name in _REPORTED if name not in tolerances)]


def times_of(
    values: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    tolerances: Mapping[str, float],
    error: float,
    estimated: Estimator,
) -> list[dict[str, Any]]:
    """The section ``times``: of each name the values of all runs of (base, new), none where there is no data.

    Those with a tolerance are judged, so that at most so large a share as ``error`` of all judgements of systems that
    are alike finds one of them slower.
    """
    known = {name: sides for name, sides in values.items() if all(sides)}
    gated = {
        name: (known[name][0], known[name][1], tolerance) for name, tolerance in tolerances.items() if name in known
    }
    judgements = {each.metric: each for each in judged(gated, error, estimated)} if gated else {}
    rows = []
    for name, (of_base, of_new) in values.items():
        judgement = judgements.get(name)
        if judgement is not None:
            estimate: Estimate | None = judgement.estimate
        else:
            estimate = estimated(of_base, of_new, 1 - error) if name in known else None
        if estimate is None and name not in tolerances:
            continue  # neither side has it
        bounded = estimate is not None and estimate.low > 0
        rows.append(
            {
                "metric": name,
                "base_ms": median(of_base) if of_base else None,
                "new_ms": median(of_new) if of_new else None,
                "ratio": None if estimate is None else estimate.ratio,
                "low": estimate.low if estimate is not None and bounded else None,
                "high": estimate.high if estimate is not None and bounded else None,
                "confidence": None if estimate is None else estimate.confidence,
                "smallest_effect": estimate.smallest_effect if estimate is not None and bounded else None,
                "tolerance": tolerances.get(name),
                "verdict": str(_verdict(estimate, None if judgement is None else judgement.finding)),
            }
        )
    return rows


def values_of(documents: Sequence[Document], name: str) -> list[float]:
    """A time of all runs, by metric and quantile; none where one of them has too little of it to say."""
    found = [value_of(document, name) for document in documents]
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) else []


def value_of(document: Document, name: str) -> float | None:
    """The same of one run; None also where it is 0, which has no ratio."""
    metric, quantile = name.split()
    value = (document["metrics"].get(metric) or {}).get(quantile)
    return float(value) if value else None


def _verdict(estimate: Estimate | None, finding: Finding | None) -> Verdict:
    if estimate is None or estimate.pair_count < FEWEST_PAIRS:
        return Verdict.CANNOT_TELL
    if estimate.high < 1:
        return Verdict.FASTER
    if finding is None:
        return Verdict.SLOWER if estimate.low > 1 else Verdict.CANNOT_TELL
    if finding is Finding.REGRESSION:
        return Verdict.SLOWER
    return Verdict.NO_SLOWER if finding is Finding.FINE else Verdict.CANNOT_TELL


def _counts(base: Sequence[Document], new: Sequence[Document]) -> list[dict[str, Any]]:
    rows = []
    for name in COUNTS:
        before, after = (sum(document["counters"].get(name, 0) for document in side) for side in (base, new))
        rows.append({"name": name, "base": before, "new": after, "worse": after * len(base) > before * len(new)})
    return rows


def _whole(
    sides: dict[str, dict[str, int]], times: Sequence[dict[str, Any]], counts: Sequence[dict[str, Any]]
) -> Whole:
    base, new = sides["base"], sides["new"]
    if base["invalid"] or new["invalid"]:
        return Whole.INVALID
    gated = [row["verdict"] for row in times if row["tolerance"] is not None]
    if _fails_more(base, new) or Verdict.SLOWER in gated or any(row["worse"] for row in counts):
        return Whole.WORSE
    return Whole.CANNOT_TELL if Verdict.CANNOT_TELL in gated else Whole.NO_WORSE


def _fails_more(base: dict[str, int], new: dict[str, int]) -> bool:
    return new["failed"] * base["runs"] > base["failed"] * new["runs"]


def _why(
    sides: dict[str, dict[str, int]], times: Sequence[dict[str, Any]], counts: Sequence[dict[str, Any]]
) -> list[str]:
    base, new = sides["base"], sides["new"]
    failed = f"new failed in {new['failed']} of {new['runs']} runs, base in {base['failed']} of {base['runs']}"
    return [*([failed] if _fails_more(base, new) else []), *why_worse(times, counts, "new")]


def why_worse(times: Sequence[dict[str, Any]], counts: Sequence[dict[str, Any]], new: str) -> list[str]:
    """The times and counts that make the other side, called ``new``, worse: sentences without a full stop."""
    return [
        f"{_words(row['metric'])} is {row['ratio']:.2f} times that of base ({row['low']:.2f} to {row['high']:.2f}; "
        f"{100 * row['tolerance']:g} % more is tolerated)"
        for row in times
        if row["tolerance"] is not None and row["verdict"] == Verdict.SLOWER
    ] + [f"{_words(row['name'])}: {row['new']:,} in {new}, {row['base']:,} in base" for row in counts if row["worse"]]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _advice(whole: Whole, fewer_runs: int) -> str | None:
    if whole is Whole.INVALID:
        return "a run that cannot be believed says nothing of either side: see its doubts, and repeat it"
    if whole is Whole.CANNOT_TELL and fewer_runs < FEWEST_PAIRS:
        return (
            f"of times it takes {FEWEST_PAIRS} runs on either side, in turns: on one machine single runs of the same "
            "server differ by tens of per cent"
        )
    if whole is Whole.CANNOT_TELL:
        return "the runs differ too much among themselves: take more of them, in turns, on a quieter machine"
    return None
