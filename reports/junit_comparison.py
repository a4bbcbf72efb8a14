"""junit.xml of a comparison, or of interleaved pairs: one case for each time that is judged, and for each count."""

from __future__ import annotations

from typing import Any

from reports import numbers
from reports.budgets import Document
from reports.compare import Verdict, Whole
from reports.compare_texts import advice_sentence, interval_text, name_of_new, ratio_text
from reports.junit_xml import Blame, Case, Outcome, Suite, written

BELIEVED = "the runs can be believed"
CAME_TO_ITS_END = "the pairs came to their end"
FAILS_NO_MORE = "no more of the runs fail"

_UNBELIEVABLE = "not judged: runs cannot be believed"


def junit_of_comparison(document: Document) -> str:
    """The JUnit XML of a comparison; a case fails or errs in it exactly when it is worse, or says nothing.

    What is worse is a failure. What cannot be told is skipped: neither side is to blame, and the exit code (96) says
    whether that is enough.
    """
    compare = document["compare"]
    properties = {"verdict": compare["verdict"], "exit_code": compare["exit_code"]} | {
        f"{name}_{what}": compare[side][what]
        for side, name in (("base", "base"), ("new", name_of_new(document)))
        for what in ("runs", "failed", "invalid")
    }
    started_at = (document.get("ab") or {}).get("started_at")
    return written(Suite(compare["scenario"], cases_of(document), properties, started_at))


def cases_of(document: Document) -> list[Case]:
    """All that a comparison says, one by one."""
    return [
        *_came_to_its_end(document),
        _believed(document),
        _fails_no_more(document),
        *(_time(row, document) for row in document["times"] if row["tolerance"] is not None),
        *(_count(row, document) for row in document["counts"]),
    ]


def _came_to_its_end(document: Document) -> list[Case]:
    """Of pairs, which take time: all of it, since readers add up the cases."""
    ab = document.get("ab")
    if ab is None:
        return []
    blame = None
    if ab["ended"] == "interrupted":
        blame = Blame(Outcome.FAILURE, "interrupted", "stopped by hand")
    return [Case(CAME_TO_ITS_END, blame, time_s=ab.get("seconds") or 0.0)]


def _is_invalid(document: Document) -> bool:
    return bool(document["compare"]["verdict"] == Whole.INVALID)


def _believed(document: Document) -> Case:
    compare = document["compare"]
    sides = (("base", "base"), ("new", name_of_new(document)))
    told = "; ".join(f"{name}: {compare[side]['invalid']} of {compare[side]['runs']} invalid" for side, name in sides)
    if not _is_invalid(document):
        return Case(BELIEVED, said=(told,))
    return Case(BELIEVED, Blame(Outcome.ERROR, "invalid", told, (told, advice_sentence(document) or "")), (told,))


def _fails_no_more(document: Document) -> Case:
    compare, name = document["compare"], name_of_new(document)
    base, new = compare["base"], compare["new"]
    told = f"base: {base['failed']} of {base['runs']} failed; {name}: {new['failed']} of {new['runs']}"
    if _is_invalid(document):
        return Case(FAILS_NO_MORE, Blame(Outcome.SKIPPED, "invalid", _UNBELIEVABLE), (told,))
    if new["failed"] * base["runs"] <= base["failed"] * new["runs"] or compare["verdict"] == Whole.NO_WORSE:
        return Case(FAILS_NO_MORE, said=(told,))
    lines = (told, *(document.get("ab") or document["compare"]).get("why", ()))
    is_worse = compare["verdict"] == Whole.WORSE
    outcome, kind = (Outcome.FAILURE, "failed") if is_worse else (Outcome.SKIPPED, "cannot_tell")
    return Case(FAILS_NO_MORE, Blame(outcome, kind, told, lines), (told,))


def _time(row: dict[str, Any], document: Document) -> Case:
    name = f"{row['metric']} is no slower"
    told = (
        f"{row['metric']}: base {numbers.duration(row['base_ms'])}, {name_of_new(document)} "
        f"{numbers.duration(row['new_ms'])}, ratio {ratio_text(row)}, interval {interval_text(row)}, "
        f"{1 + row['tolerance']:.2f} allowed"
    )
    if _is_invalid(document):
        return Case(name, Blame(Outcome.SKIPPED, "invalid", _UNBELIEVABLE), (told,))
    if row["verdict"] == Verdict.SLOWER:
        return Case(name, Blame(Outcome.FAILURE, "slower", f"slower: {told}"), (told,))
    if row["verdict"] == Verdict.CANNOT_TELL:
        return Case(name, Blame(Outcome.SKIPPED, "cannot_tell", f"cannot tell: {told}"), (told,))
    return Case(name, said=(told,))


def _count(row: dict[str, Any], document: Document) -> Case:
    name = f"{row['name']}: no more than before"
    told = f"{row['name']}: base {row['base']:,}, {name_of_new(document)} {row['new']:,}"
    if _is_invalid(document):
        return Case(name, Blame(Outcome.SKIPPED, "invalid", _UNBELIEVABLE), (told,))
    if row["worse"]:
        return Case(name, Blame(Outcome.FAILURE, "more", told), (told,))
    # Of pairs only: base has some, too.
    if row.get("perhaps"):
        return Case(name, Blame(Outcome.SKIPPED, "cannot_tell", f"cannot tell: {told}"), (told,))
    return Case(name, said=(told,))
