"""What the live page is told: of the whole run when it is opened, and of what has changed from then on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reports.budgets import Document
from reports.live.history import History

# All of a document that the page shows, beside the series.
_SHOWN = (
    *("schema", "run", "target", "phases", "counters", "rates", "errors", "generator"),
    *("budgets", "doubts", "limit", "verdict"),
)
_ARRIVING = frozenset({"login", "connect", "join"})
# How long a browser waits before it tries to come back, at first and whenever it is cut off.
RETRY_MS = 1000


def phase_of(document: Document) -> str:
    """The phase of a run by plan, of its newest snapshot or of its document, in the words of :class:`Told`."""
    if document["verdict"] is not None:
        return "over"
    if not document["phases"]:
        return "arriving"
    newest = document["phases"][-1]
    if newest["name"] == "drain" and newest["end_s"] is not None:
        return "closing"
    return "arriving" if newest["name"] in _ARRIVING else str(newest["name"])


@dataclass(frozen=True, slots=True)
class Told:
    """How a run is doing."""

    phase: str
    """waiting, arriving, warmup, measure, drain, closing or over."""
    document: Document | None = None
    """A snapshot while the run goes on, the finished document when it is over."""
    elapsed_s: float | None = None
    """Since the phase began."""
    notice: str | None = None
    """Why there is nothing to see, or what went wrong."""
    report: str | None = None
    """Where the finished run is kept."""
    report_url: str | None = None
    """Where its report.html can be had."""
    is_last: bool = False
    """Whether nothing more will be told."""


class Feed:
    """The same for every page, put into words once, however many pages there are, and only where there are any."""

    def __init__(self) -> None:
        self.number = 0
        """Of the newest telling; nothing has been told at 0."""
        self._told = Told("waiting")
        self._run_id: object = None
        self._history = History()
        self._changed: set[int] | None = None
        self._whole: bytes | None = None
        self._step: bytes | None = None

    def tell(self, told: Told) -> None:
        """From now on this is the newest; without a document, all that was told before is forgotten."""
        run_id = None if told.document is None else told.document.get("run", {}).get("id")
        is_another = told.document is None or self._told.document is None or run_id != self._run_id
        if is_another:
            self._history = History()
        self._run_id, before = run_id, self._history.interval_s
        changed = set() if told.document is None else self._history.add(told.document)
        # Another run, or another interval: what a page has seen is of no use to it.
        self._changed = None if is_another or self._history.interval_s != before else changed
        self.number += 1
        self._told, self._whole, self._step = told, None, None

    def whole(self) -> bytes:
        """All that a page needs which has seen nothing yet, as JSON."""
        if self._whole is None:
            self._whole = self._written(None)
        return self._whole

    def event_after(self, seen: int | None) -> bytes:
        """The newest as an event of a stream (text/event-stream), for a page that has seen telling number ``seen``.

        One that has seen nothing (None), or has missed some, is told the whole.
        """
        if seen is None or seen != self.number - 1 or self._changed is None:
            start = b"retry: %d\n" % RETRY_MS if seen is None else b""
            return b"%sdata: %s\n\n" % (start, self.whole())
        if self._step is None:
            self._step = self._written(self._changed)
        return b"data: %s\n\n" % self._step

    def _written(self, starts: set[int] | None) -> bytes:
        told = self._told
        answer = {
            "phase": told.phase,
            "elapsed_s": told.elapsed_s,
            "notice": told.notice,
            "report": told.report,
            "report_url": told.report_url,
            "is_last": told.is_last,
            "is_whole": starts is None,
            "document": None if told.document is None else self._shown(told.document, starts),
        }
        return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()

    def _shown(self, document: Document, starts: Iterable[int] | None) -> dict[str, Any]:
        shown = {name: document[name] for name in _SHOWN if name in document}
        if "plan" in document:
            shown["plan"] = {key: row for key, row in document["plan"].items() if key == "budgets"}
        if "metrics" in document:
            shown["metrics"] = {name: _without(metric, "hdr") for name, metric in document["metrics"].items()}
        if document.get("server") is not None:
            shown["server"] = _without(document["server"], "series")
        newest = self._history.newest
        if starts is not None and newest is not None:
            starts = {*starts, newest}  # the figures at the top are those of the last one
        return shown | {"series": self._history.columns(starts)}


def _without(table: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != name}
