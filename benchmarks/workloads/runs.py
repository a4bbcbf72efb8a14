"""Short runs of a scenario against the embedded server, which has a core of its own as in any run of chatbench."""

import tempfile
from collections.abc import Sequence
from typing import Any

from benchmarks.common import CHATBENCH, MEASURED_EXITS, OVERHEAD_S, json_from
from benchmarks.engine.cases import Figure

Document = dict[str, Any]

WARMUP_S, DRAIN_S = 1, 1


def timed(duration_s: int) -> tuple[str, ...]:
    """Flags of a run that measures for so long, and does not wait for anything else."""
    return (
        *("--connect-rate", "1000", "--processes", "1"),
        *("--warmup", f"{WARMUP_S}s", "--duration", f"{duration_s}s", "--drain", f"{DRAIN_S}s"),
    )


def embedded_document(flags: Sequence[str], duration_s: int) -> Document:
    """The document of a run; raises BenchmarkError."""
    with tempfile.TemporaryDirectory(prefix="chatbench-benchmark-") as folder:
        command = [
            str(CHATBENCH), "run", *flags, *timed(duration_s),
            "--json", "--no-plots", "--no-html", "-q", "--out", f"{folder}/run",
        ]  # fmt: skip
        return json_from(command, WARMUP_S + duration_s + DRAIN_S + OVERHEAD_S, measured_exits=MEASURED_EXITS)


def fatal_doubts(document: Document) -> list[str]:
    """Why a run is invalid, each reason in its own words; empty where it is not."""
    return [f"{doubt['code']}: {doubt['detail']}" for doubt in document["doubts"] if doubt["severity"] == "fatal"]


def at_most(what: str, value: float | None, most: float) -> Figure:
    """A line of the table, and whether it is what it should be."""
    text = "not measured" if value is None else f"{value:,.2f}"
    return Figure(what, text, f"<= {most:g}", held=None if value is None else value <= most)
