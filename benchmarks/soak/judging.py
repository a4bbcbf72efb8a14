"""What a long run is held to, from its document. Pure."""

from __future__ import annotations

from benchmarks.engine.cases import Figure
from reports import numbers
from reports.budgets import Document
from reports.summary import summarise

# What a test run grows by in its first minutes is no leak; what is left after an hour at this rate would be.
MOST_MEMORY_PER_H = {"server": 10e6, "generator": 10e6, "coordinator": 50e6}
"""Bytes. A coordinator keeps a histogram of each second of the run: it grows by design, and not with the load."""
MOST_DESCRIPTORS_PER_H = 6.0
MOST_SLOWER = 1.1
_NEVER = ("deliveries_lost", "deliveries_duplicated", "deliveries_unexpected", "connections_dropped", "messages_unsent")


def figures_of(document: Document) -> list[Figure]:
    """What is held against its aim; what was not measured holds nothing."""
    counters, drift = document["counters"], document["drift"] or {}
    verdict, closes = document["verdict"], summarise(document).books_close
    fatal = [doubt["code"] for doubt in document["doubts"] if doubt["severity"] == "fatal"]
    figures = [
        Figure("verdict", " ".join([verdict, *fatal]), "pass", verdict == "pass"),
        Figure("books close", "yes" if closes else "no", "yes", bool(closes)),
        *(Figure(name.replace("_", " "), numbers.count(counters[name]), "0", counters[name] == 0) for name in _NEVER),
    ]
    ratio = (drift.get("delivery_time_p50") or {}).get("ratio")
    text = numbers.NO_DATA if ratio is None else f"{ratio:.2f} times"
    figures.append(
        Figure("p50, last third beside first", text, f"<= {MOST_SLOWER}", ratio is not None and ratio <= MOST_SLOWER)
    )
    for side, most in MOST_MEMORY_PER_H.items():
        per_h = (drift.get(f"{side}_memory") or {}).get("per_h")
        text = numbers.NO_DATA if per_h is None else f"{per_h / 1e6:+,.2f} MB/h"
        held = per_h is not None and per_h <= most
        figures.append(Figure(f"{side} memory", text, f"<= {most / 1e6:g} MB/h", held))
    for side in ("server", "generator"):
        per_h = (drift.get(f"{side}_descriptors") or {}).get("per_h")
        text = numbers.NO_DATA if per_h is None else f"{per_h:+,.1f}/h"
        held = per_h is not None and abs(per_h) <= MOST_DESCRIPTORS_PER_H
        figures.append(Figure(f"{side} descriptors", text, f"<= {MOST_DESCRIPTORS_PER_H:g}/h", held))
    return figures


def sentence_of(document: Document, share: float | None) -> str:
    """What is said of it beside its page: the load, the length, and what became of both."""
    counters, rates, drift = document["counters"], document["rates"], document["drift"] or {}
    load = f"{numbers.rate(rates['messages_sent_per_s'])} messages/s"
    load += "" if share is None else f", {share:.0%} of what the server was found to carry"
    minutes = rates["window_s"] / 60
    missed = [figure.what for figure in figures_of(document) if not figure.held]
    times = drift.get("delivery_time_p50")
    slower = "" if times is None else f" The p50 of the last third was {times['ratio']:.2f} times that of the first."
    return (
        f"{minutes:g} minutes at {load}: {numbers.count(counters['deliveries_received'])} of "
        f"{numbers.count(counters['deliveries_expected'])} deliveries received, "
        f"{numbers.count(counters['deliveries_lost'])} lost.{slower} "
        + (f"Not as it should be: {', '.join(missed)}." if missed else "All that is looked at stayed as it was.")
    )
