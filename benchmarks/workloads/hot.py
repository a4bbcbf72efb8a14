"""A room of 300 in which everybody talks: does one core carry that, and up to which rate?"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.common import RELAY_DIALECT, Cores, available_cores, chatbench_document, pinned_to, relay_on
from benchmarks.engine.cases import Figure
from benchmarks.workloads.runs import Document, embedded_document, fatal_doubts, timed
from benchmarks.workloads.search import Bounds, largest_that_holds

USERS = ("--users", "300")
OWN_DURATION_S, SEARCH_DURATION_S = 8, 4
LIMIT_S = 90.0
# A message every five seconds, as hot_room has.
OWN_PER_MIN = 12.0
DOUBLINGS, BISECTIONS = 5, 3


def hot() -> list[Figure]:
    """Everybody of a room of 300 talks: at the rate of hot_room, then faster and faster beside a quick server."""
    own = embedded_document(["hot_room", *USERS], OWN_DURATION_S)
    cores = available_cores()
    with tempfile.TemporaryDirectory(prefix="chatbench-scenario-") as folder:
        search = _Search(Path(folder) / "hotter.toml", cores)
        bounds = largest_that_holds(search.is_valid_at, OWN_PER_MIN, doublings=DOUBLINGS, bisections=BISECTIONS)
    figures = [*own_figures(own), *bounds_figures(bounds)]
    if bounds.holds is not None:
        document = search.documents[bounds.holds]
        figures += [Figure("there: verdict", document["verdict"], "", held=None), *run_figures("there", document)]
    if bounds.breaks is not None:
        figures += _doubts("why not beyond", search.documents[bounds.breaks])
    return figures


def own_figures(document: Document) -> list[Figure]:
    """At the rate of hot_room, against the embedded server: valid, or the doubts that say why not."""
    doubts = fatal_doubts(document)
    return [
        Figure("at its own rate", document["verdict"], "not invalid", held=not doubts),
        *run_figures("at its own rate", document),
        *_doubts("at its own rate, why not", document),
    ]


def bounds_figures(bounds: Bounds) -> list[Figure]:
    """Between which rates the generator stops being valid."""
    holds = "none" if bounds.holds is None else f"{bounds.holds:g}"
    breaks = "not found" if bounds.breaks is None else f"{bounds.breaks:g}"
    return [Figure("messages a minute and user: valid / invalid", f"{holds} / {breaks}", "", held=None)]


def run_figures(where: str, document: Document) -> list[Figure]:
    """What the generator did in one run."""
    (worker,) = document["generator"]["processes"]
    server = document["server"]
    rates, counters = document["rates"], document["counters"]
    received, expected = counters["deliveries_received"], counters["deliveries_expected"]
    return [
        Figure(f"{where}: deliveries/s", _text(rates["deliveries_received_per_s"], ",.0f"), "", held=None),
        Figure(f"{where}: received of those expected", f"{received:,} / {expected:,}", "", held=None),
        Figure(f"{where}: CPU of the generator", _text(worker["cpu_ratio"], ".0%"), "", held=None),
        *([Figure(f"{where}: CPU of the server", _text(server["cpu_ratio"], ".0%"), "", held=None)] if server else []),
        Figure(f"{where}: lateness p99, ms", _text(worker["send_lateness_p99_ms"], ".2f"), "", held=None),
        Figure(f"{where}: delivery p99, ms", _text(document["metrics"]["delivery_time"]["p99"], ".1f"), "", held=None),
        Figure(f"{where}: other programs", _text(document["machine"]["others_cpu_ratio"], ".0%"), "", held=None),
    ]


@dataclass(slots=True)
class _Search:
    """Short runs against the relay, one for each rate that is tried."""

    path: Path
    cores: Cores
    documents: dict[float, Document] = field(default_factory=dict)

    def is_valid_at(self, per_min: float) -> bool:
        """Whether the generator carries so many messages a minute of each user."""
        self.path.write_text(f'extends = "hot_room"\n[traffic]\nper_user_per_min = {per_min}\n', encoding="utf-8")
        flags = [str(self.path), *USERS, *timed(SEARCH_DURATION_S), "--dialect", str(RELAY_DIALECT)]
        with relay_on(self.cores.server) as relay:
            document = chatbench_document(relay.url, flags, pinned_to(self.cores.client), LIMIT_S)
        self.documents[per_min] = document
        return not fatal_doubts(document)


def _doubts(what: str, document: Document) -> list[Figure]:
    return [Figure(f"{what}:", doubt, "", held=None) for doubt in fatal_doubts(document)]


def _text(value: float | None, form: str) -> str:
    return "not measured" if value is None else format(value, form)
