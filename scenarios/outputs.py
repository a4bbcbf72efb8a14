"""Files that a run writes outside its directory: whether it may, known before anything starts."""

from __future__ import annotations

import json
import os
from pathlib import Path

from loadgen.errors import InputError


def check_writable(file: str, label: str, run_directory: str | None = None) -> None:
    """InputError at ``label`` where a file could not be written there.

    Nothing is opened. A file in ``run_directory`` is taken on trust: that is made, and checked, when the run starts.
    """
    path = Path(file)
    found = json.dumps(file)
    try:
        if file == "-" or path.is_dir():
            what = "standard output" if file == "-" else "a directory"
            raise InputError(f"{label}: expected the path of a file, got {found}, {what}")
        if run_directory is not None and path.parent.resolve() == Path(run_directory).resolve():
            return
        if not path.parent.is_dir():
            raise InputError(f"{label}: expected a file in a directory that is there, got {found}")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise InputError(f"{label}: expected a file that may be written, got {found}")
    except (OSError, ValueError) as error:  # a directory that may not be looked into, a name too long, or none at all
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{label}: expected the path of a file, got {found}: {why}") from None
