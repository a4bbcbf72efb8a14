"""The verdict on a run with kills. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.kills.blows import Blow
from reports import numbers
from reports.budgets import Document

# What none of may be.
NONE_OF = {
    "deliveries_lost_acked": "deliveries of acknowledged messages lost",
    "deliveries_duplicated": "deliveries that came twice",
    "deliveries_reordered": "deliveries out of order",
    "deliveries_unexpected": "deliveries to those who were not to have them",
    "connections_dropped": "users who did not come back",
}


# Doubts about times, which spoil no count.
OF_TIMES = ("generator_late", "generator_cpu_bound", "loop_lag")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has come to."""

    document: Document
    done: Sequence[Blow]
    wrong_presence: Sequence[str]
    """With everybody back, after the last blow."""
    left_over: Sequence[str]
    """Who was still there when everybody had gone."""

    @property
    def faults(self) -> list[str]:
        """What was not to be; with none of it the run has passed."""
        counts = self.document["counters"]
        faults = [f"{numbers.count(counts[name])} {what}" for name, what in NONE_OF.items() if counts[name]]
        if not counts["acks_received"] or not counts["reconnects"]:
            faults.append("nothing was acknowledged, or nobody had to come back: the run says nothing")
        faults += [f"who is there: {line}" for line in self.wrong_presence]
        faults += [f"when all had gone: {line}" for line in self.left_over]
        faults += [f"the run is invalid: {detail}" for code, detail in self._fatal if code not in OF_TIMES]
        return faults

    @property
    def doubts(self) -> list[str]:
        """Why times of the run cannot be believed, such as on a busy machine; nothing here is judged by them."""
        return [detail for code, detail in self._fatal if code in OF_TIMES]

    @property
    def _fatal(self) -> list[tuple[str, str]]:
        return [(each["code"], each["detail"]) for each in self.document["doubts"] if each["severity"] == "fatal"]


def lines_of(outcome: Outcome) -> list[str]:
    """What to print."""
    counts = outcome.document["counters"]
    deeds = Counter(blow.deed for blow in outcome.done)
    names = (
        "messages_sent", "acks_received", "deliveries_expected", "deliveries_received", "deliveries_late",
        "deliveries_excused", "deliveries_recovered", "deliveries_lost_unacked", "deliveries_lost_acked",
        "deliveries_duplicated", "deliveries_reordered", "reconnects", "connections_failed", "messages_unsent",
    )  # fmt: skip
    return [
        *(f"  {blow.at_s:6.1f} s  {blow.deed} ({blow.victim}), for {blow.for_s:.1f} s" for blow in outcome.done),
        *(f"  {count:4d} x {deed}" for deed, count in sorted(deeds.items())),
        *(f"  {name.replace('_', ' '):24} {numbers.count(counts[name]):>12}" for name in names),
        *(f"  FAILED: {fault}" for fault in outcome.faults),
        sentence(outcome),
    ]


def sentence(outcome: Outcome) -> str:
    """The verdict in its own figures."""
    counts = outcome.document["counters"]
    (outage,) = outcome.document["incidents"]
    verdict = "FAIL" if outcome.faults else "PASS"
    lost, twice, swapped, expected = (
        numbers.count(counts[f"deliveries_{name}"]) for name in ("lost_acked", "duplicated", "reordered", "expected")
    )
    spoilt = f" Its times say nothing: {outcome.doubts[0]}." if outcome.doubts else ""
    who = "not every server" if outcome.wrong_presence or outcome.left_over else "every server"
    return (
        f"{verdict}: {len(outcome.done)} kills, freezes and restarts; {numbers.count(counts['reconnects'])} times a "
        f"user came back. Of {numbers.count(counts['messages_sent'])} messages "
        f"{numbers.count(counts['acks_received'])} were acknowledged. Of {expected} deliveries {lost} of acknowledged "
        f"messages were lost, {twice} came twice, {swapped} out of order; the history brought "
        f"{numbers.count(counts['deliveries_recovered'])}, and {numbers.count(outage['messages_recovered'])} of what "
        f"was said while users were away. At the end {who} knew who was there.{spoilt}"
    )
