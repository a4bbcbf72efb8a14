"""The directory of a run: where it is, and what the run leaves in it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from reports import junit, markdown, series_csv, store
from reports.budgets import Document
from scenarios.settle import Settled

REPORT_NAME = "report.html"


def run_directory(settled: Settled, started: datetime) -> Path:
    """Where the run is kept: as asked, else runs/<time>-<scenario>."""
    if settled.run.out is not None:
        return Path(settled.run.out)
    base = Path("runs") / f"{started:%Y%m%d-%H%M%S}-{settled.name}"
    directory, number = base, 1
    while directory.exists():
        number += 1
        directory = base.with_name(f"{base.name}-{number}")
    return directory


def report_in(directory: Path, *, html: bool) -> Path:
    """What to read after the run: the page, or the directory where no page was wanted."""
    return directory / REPORT_NAME if html else directory


def leave_behind(document: Document, directory: Path, *, html: bool, plots: bool) -> None:
    """Write the run directory; UnwrittenError where a part of it could not be, and all the others were."""
    attempts = store.Attempts()
    write_texts(document, directory, attempts)
    draw(document, directory, attempts, html=html, plots=plots)
    complaint = attempts.complaint()
    if complaint is not None:
        raise store.UnwrittenError(complaint)


def leave_texts_behind(document: Document, directory: Path) -> str | None:
    """Write all of the run directory that is not drawn; what could not be written, in a line."""
    attempts = store.Attempts()
    write_texts(document, directory, attempts)
    return attempts.complaint()


def write_texts(document: Document, directory: Path, attempts: store.Attempts) -> None:
    """Write the document, first, since all the others are made of it; then summary, JUnit and CSV."""
    with attempts.writing(directory / store.DOCUMENT_NAME):
        store.write_document(directory, document)
    for name, render in (
        ("summary.md", markdown.render),
        ("junit.xml", junit.render),
        ("series.csv", series_csv.render),
    ):
        text = render(document)
        with attempts.writing(directory / name):
            store.write(directory / name, text)


def draw(document: Document, directory: Path, attempts: store.Attempts, *, html: bool, plots: bool) -> None:
    """Write plots and page: last, since that takes seconds, and might fail."""
    if plots:
        from reports.plots import draw_all

        with attempts.writing(directory / "plots"):
            draw_all(document, directory / "plots")
    if html:
        from reports import page

        text = page.render(document)
        with attempts.writing(directory / REPORT_NAME):
            store.write(directory / REPORT_NAME, text)
