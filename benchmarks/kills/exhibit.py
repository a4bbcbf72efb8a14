"""The page of a run with kills, for docs/gallery."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.common import BenchmarkError
from benchmarks.gallery.catalogue import Shown
from benchmarks.gallery.exhibits import EXHIBITS
from benchmarks.gallery.hanging import GALLERY, hang
from benchmarks.gallery.neutral import named_in, neutral
from benchmarks.kills.judging import Outcome, sentence
from reports import page

NAME, TITLE = "kills", "Servers, Redis and PostgreSQL killed at random"


def show(outcome: Outcome, command: str, folder: Path) -> None:
    """Hang it; BenchmarkError where the run has not passed, or its page would name this machine."""
    if outcome.faults:
        raise BenchmarkError("nothing for the gallery: the run has not passed")
    paths = [str(folder), tempfile.gettempdir(), str(Path(sys.prefix)), str(Path.cwd())]
    document = neutral(outcome.document, paths)
    html = page.render(document)
    if left := named_in(html, [*paths, str(Path.home())]):
        raise BenchmarkError(f"its page still names {', '.join(left)}")
    day = f"{datetime.now(UTC):%d %B %Y}"
    shown = Shown(NAME, TITLE, sentence(outcome), command, document["environment"], day, html)
    hang([shown], GALLERY, [*(each.name for each in EXHIBITS), NAME])
