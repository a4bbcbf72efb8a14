"""``chatbench compare``: two runs, or two folders of runs, beside one another."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from loadgen.errors import InputError
from reports import store
from reports.budgets import Document, ExitCode
from reports.compare import build, reason_against
from reports.compare_texts import lines_of, markdown_of
from reports.junit_comparison import junit_of_comparison
from scenarios import github


@dataclass(frozen=True, slots=True)
class Files:
    """What is to be written, and where."""

    html: Path | None = None
    markdown: Path | None = None
    junit: Path | None = None


def compare(base: Path, new: Path, files: Files, *, as_json: bool, force: bool) -> ExitCode:
    """Say what can be said; InputError where runs are missing, or cannot be compared and ``force`` does not say so."""
    sides = [_runs_in(path) for path in (base, new)]
    first_path, first = sides[0][0]
    for path, document in (*sides[0], *sides[1]):
        why = reason_against(first, document)
        if why is not None and not force:
            raise InputError(f"{path}: expected a run that can be compared with {first_path}: {why}")
    document = build(*([run for _, run in side] for side in sides))
    if files.html is not None:
        from reports.compare_page import render

        _write(files.html, render(document))
    if files.markdown is not None:
        _write(files.markdown, markdown_of(document))
    if files.junit is not None:
        _write(files.junit, junit_of_comparison(document))
    if as_json:
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    else:
        sys.stdout.write("\n".join(lines_of(document)) + "\n")
    sys.stdout.flush()
    github.show(document, markdown_of(document), os.environ)
    return ExitCode(document["compare"]["exit_code"])


def _runs_in(path: Path) -> list[tuple[Path, Document]]:
    """Of a run directory or its document the run; of a folder of run directories all of them, by name."""
    if not path.is_dir() or (path / store.DOCUMENT_NAME).exists():
        return [(path, store.read_document(path))]
    runs = [each for each in sorted(path.iterdir()) if (each / store.DOCUMENT_NAME).exists()]
    if not runs:
        raise InputError(f"{path}: expected a run directory, or a folder of them, got one without any result.json")
    return [(each, store.read_document(each)) for each in runs]


def _write(path: Path, text: str) -> None:
    try:
        store.write(path, text)
    except OSError as error:
        raise InputError(f"{path}: cannot write there: {error.strerror}") from None
