"""Runs that are over at once: what they leave behind was settled beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reports import store
from reports.budgets import Document
from scenarios.probing import Asked, Ending


class FakeRuns:
    """Stands for :func:`scenarios.probing.carry_out`; keeps what it was asked for."""

    def __init__(self, document: Document | None, code: int = 0, said: str = "") -> None:
        self.asked_for: list[list[str]] = []
        self._document = document
        self._ending = Ending(code, said)

    def __call__(self, arguments: Sequence[str], planned_s: float, asked: Asked) -> Ending:
        """Leave the document, if any, in the run directory."""
        self.asked_for.append(list(arguments))
        if self._document is not None:
            store.write_document(Path(arguments[arguments.index("--out") + 1]), self._document)
        return self._ending
