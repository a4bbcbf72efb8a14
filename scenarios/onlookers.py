"""Who follows a run beside its terminal: a diary, Prometheus, the live page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadgen.measure.record import Record
from reports.budgets import Document
from reports.live.standing import as_it_stands
from scenarios.diary import Diary
from scenarios.evidence import doubts_so_far
from scenarios.settle import Settled

if TYPE_CHECKING:
    from scenarios.exporter import Exporter
    from scenarios.live_server import LiveServer


@dataclass(frozen=True, slots=True)
class Onlookers:
    """Those that there are."""

    diary: Diary | None
    exporter: Exporter | None
    page: LiveServer | None

    @property
    def are_there(self) -> bool:
        """Whether there is any."""
        return self.diary is not None or self.exporter is not None or self.page is not None

    def note_snapshot(self, document: Document, settled: Settled, record: Record) -> None:
        """Tell all of a run that goes on; the page also what can be said by now of budgets and doubts."""
        for onlooker in (self.diary, self.exporter):
            if onlooker is not None:
                onlooker.note(document)
        if self.page is not None:
            self.page.note(as_it_stands(document, settled.budgets, doubts_so_far(settled, record, None)))

    def note(self, document: Document) -> None:
        """Tell all of a run that is over."""
        for onlooker in (self.diary, self.exporter, self.page):
            if onlooker is not None:
                onlooker.note(document)


def addresses(exporter: Exporter | None, page: LiveServer | None) -> tuple[str, ...]:
    """Lines that say where more is to be seen."""
    metrics = () if exporter is None else (f"metrics  {exporter.url}",)
    return metrics if page is None else (*metrics, f"page  {page.url}")
