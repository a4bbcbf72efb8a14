"""A snapshot with what can be said of budgets and doubts before the run is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from loadgen.measure.doubts import Doubt
from reports.budgets import Budget, Document
from reports.terminal.so_far import budgets_so_far


def as_it_stands(document: Document, budgets: Iterable[Budget], doubts: Iterable[Doubt]) -> Document:
    """The same with ``doubts``, and ``budgets`` as {expression, seen, state}, those in trouble first."""
    standing = [
        {"expression": now.expression, "seen": now.seen, "state": str(now.state)}
        for now in budgets_so_far(document, budgets)
    ]
    return document | {"budgets": standing, "doubts": [asdict(doubt) for doubt in doubts]}
