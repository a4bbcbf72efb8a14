"""junit.xml: a run as continuous integration shows tests, one case for each budget."""

from __future__ import annotations

from typing import Any

from reports.junit_xml import Blame, Case, Outcome, Suite, written
from reports.summary import DoubtRow, summarise
from reports.verdicts import ENDED_EARLY, observed_text

BELIEVED = "measurement can be believed"
CAME_TO_ITS_END = "the run came to its end"

# Figures that one looks for over many builds.
_TIMES = (("delivery_time", "p50"), ("delivery_time", "p95"), ("delivery_time", "p99"))
_COUNTS = ("deliveries_expected", "deliveries_lost", "connections_opened")


def render(document: dict[str, Any]) -> str:
    """The JUnit XML of a result document; a case fails or errs in it exactly when the run did not pass.

    A broken budget is a failure. A budget without data is an error, and so is a fatal doubt: there the measurement
    is at fault, and says nothing about the server.
    """
    return written(
        Suite(
            name=document["run"]["scenario"],
            cases=[_came_to_its_end(document), _believed(document), *map(_budget, document["budgets"])],
            properties=_properties(document),
            started_at=document["run"]["started_at"],
        )
    )


def _properties(document: dict[str, Any]) -> dict[str, object]:
    run, target = document["run"], document["target"]
    facts: dict[str, object] = {
        "verdict": document["verdict"],
        "target": target["url"],
        "dialect": target["dialect"],
        "command": run["command"],
        "seed": run["seed"],
        "run": run["id"],
    }
    return facts | _figures(document)


def _figures(document: dict[str, Any]) -> dict[str, object]:
    """Those that there are."""
    measured = {
        f"{metric}_{quantile}_ms": (document["metrics"].get(metric) or {}).get(quantile) for metric, quantile in _TIMES
    } | {"deliveries_received_per_s": document["rates"].get("deliveries_received_per_s")}
    counted = {name: document["counters"].get(name) for name in _COUNTS}
    known = {name: f"{value:.3f}" for name, value in measured.items() if value is not None}
    return known | {name: value for name, value in counted.items() if value is not None}


def _came_to_its_end(document: dict[str, Any]) -> Case:
    # This one takes all the time: readers add up the cases.
    return Case(CAME_TO_ITS_END, why_it_ended(document), time_s=_run_time_s(document))


def why_it_ended(document: dict[str, Any]) -> Blame | None:
    """Why a run stopped before its plan was done; None where it was."""
    run = document["run"]
    if run["interrupted"]:
        return Blame(Outcome.FAILURE, "interrupted", "the run was interrupted")
    if run["ended_early"]:
        reason = str(run["ended_early"])
        return Blame(Outcome.FAILURE, reason, ENDED_EARLY.get(reason, reason))
    if document["verdict"] is None:
        return Blame(Outcome.FAILURE, "running", "the run still goes on")
    return None


def _believed(document: dict[str, Any]) -> Case:
    doubts = summarise(document).doubts
    fatal = [doubt for doubt in doubts if doubt.severity == "fatal"]
    rest = tuple(_line(doubt) for doubt in doubts if doubt.severity != "fatal")
    if not fatal:
        return Case(BELIEVED, said=rest)
    message = "; ".join(doubt.title for doubt in fatal)
    return Case(BELIEVED, Blame(Outcome.ERROR, fatal[0].code, message, tuple(map(_line, fatal))), rest)


def _budget(budget: dict[str, Any]) -> Case:
    expression = budget["expression"]
    seen = observed_text(expression, budget["observed"])
    blame = None
    if budget["ok"] is None:
        blame = Blame(Outcome.ERROR, "no_data", f"{expression}: {seen}")
    elif not budget["ok"]:
        blame = Blame(Outcome.FAILURE, "budget", f"{expression}: observed {seen}")
    return Case(expression, blame, (f"observed: {seen}",))


def _line(doubt: DoubtRow) -> str:
    return f"{doubt.severity}: {doubt.title}: {doubt.detail.rstrip('.')}. {doubt.advice}".rstrip()


def _run_time_s(document: dict[str, Any]) -> float:
    """From the start of the run to the end of its last phase."""
    ends = [phase["end_s"] for phase in document["phases"] if phase["end_s"] is not None]
    return max(ends, default=0.0)
