"""A capacity search as Markdown: the answer, why it is not more, and each load that was tried."""

from __future__ import annotations

from reports import capacity, numbers
from reports.budgets import Document
from reports.markdown import MARKS, table, text

_STATES = {"held": MARKS["good"], "broke": MARKS["bad"]}


def render(document: Document) -> str:
    """The document of a search, also of one that was stopped, in GitHub's Markdown."""
    search = document["search"]
    mark = MARKS["bad" if document["answer"]["held"] is None else "good"]
    rows = [
        [
            _STATES.get(probe["outcome"], MARKS["unsure"]),
            numbers.count(probe["load"]),
            capacity.WORDS[probe["outcome"]] + (", longer" if probe["confirms"] else ""),
            numbers.duration(probe["p50_ms"]),
            numbers.duration(probe["p99_ms"]),
            numbers.rate(probe["deliveries_per_s"]),
        ]
        for probe in sorted(document["probes"], key=lambda each: (each["load"], each["confirms"]))
    ]
    blocks = [
        f"### {mark} chatbench capacity {text(search['scenario'])}: {capacity.badge(document)} {text(search['unit'])}",
        f"**{text(capacity.headline(document))}**",
        *([f"{each}." if not each.endswith(".") else each for each in map(text, capacity.reasons(document))]),
        table(["", text(search["unit"]), "outcome", "delivery p50", "p99", "deliveries/s"], rows),
    ]
    return "\n\n".join(blocks) + "\n"
