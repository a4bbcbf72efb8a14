"""The run directory: claimed before anything starts, written atomically when there is something to keep."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadgen.errors import BenchError, InputError

DOCUMENT_NAME = "result.json"
LEFT_BEHIND = (DOCUMENT_NAME, "report.html", "summary.md", "junit.xml", "series.csv", "run.log", "plots/*.png")

# What a run of some minutes leaves behind. Where less is free, it would be carried out and then be lost.
ROOM_BYTES = 1 << 20


class UnwrittenError(BenchError):
    """Files could not be written; the text says which, and why."""


class Attempts:
    """Files that are written one after the other, whatever becomes of those before."""

    def __init__(self) -> None:
        self._failed: dict[str, list[Path]] = {}

    @contextlib.contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Note where ``path``, which is written meanwhile, cannot be."""
        try:
            yield
        except OSError as error:
            self.failed(path, error)

    def failed(self, path: Path, error: OSError) -> None:
        """``path`` could not be written."""
        self._failed.setdefault(error.strerror or str(error), []).append(path)

    @property
    def unwritten(self) -> set[Path]:
        """All that could not be written."""
        return {path for paths in self._failed.values() for path in paths}

    def complaint(self) -> str | None:
        """One line that names each file and says why; None where all were written."""
        reasons = [f"cannot write {', '.join(map(str, paths))}: {why}" for why, paths in self._failed.items()]
        return "; ".join(reasons) or None


def claim(directory: Path, *, force: bool) -> None:
    """Make the run directory; InputError where it cannot be written, or is not empty and not ``force``.

    What an earlier run has left there goes, lest its pictures stand beside the new figures.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        occupied = any(directory.iterdir())
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(bytes(ROOM_BYTES))
    except OSError as error:
        raise InputError(f"{directory}: cannot write there: {error.strerror}") from None
    if occupied and not force:
        raise InputError(f"{directory}: expected an empty directory; choose another one or add --force")
    for pattern in LEFT_BEHIND:
        for old in directory.glob(pattern):
            old.unlink()


def give_back(directory: Path, log_name: str) -> None:
    """Leave nothing of a run that never began; a log that says why stays."""
    log = directory / log_name
    with contextlib.suppress(OSError):  # not empty: what else is in it was there before; or gone by itself
        if not log.exists() or not log.stat().st_size:
            log.unlink(missing_ok=True)
            directory.rmdir()


def write(path: Path, text: str) -> None:
    """Write a file so that it is there whole, or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp makes it private; a report is for whoever may read the directory.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_document(directory: Path, document: dict[str, Any]) -> Path:
    """Write result.json; where it lies."""
    path = directory / DOCUMENT_NAME
    write(path, json.dumps(document, indent=1, allow_nan=False) + "\n")
    return path


def read_document(directory: Path) -> dict[str, Any]:
    """The document of a run directory (or of the file itself); InputError where there is none we can read."""
    path = directory / DOCUMENT_NAME if directory.is_dir() else directory
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: expected the result.json of a run: {error.strerror}") from None
    except ValueError as error:
        raise InputError(
            f"{path}: expected the result.json of a run, got something that is not JSON: {error}"
        ) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != "chatbench.result/1":
        raise InputError(f'{path}: expected schema "chatbench.result/1", got {json.dumps(schema)}')
    return dict(document)
