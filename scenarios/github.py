"""What a job on GitHub shows: a summary on its page, and annotations, which its runner reads on standard error."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.github import Annotation, Place

# GitHub takes no more of one step, and shows nothing of it where there is more.
MOST_SUMMARY_BYTES = 1 << 20

_SWITCH = "GITHUB_ACTIONS"


def without(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run that is one of several: whoever started it speaks for all of them."""
    return {name: value for name, value in environ.items() if name != _SWITCH}


def show(document: dict[str, Any], summary: str, environ: Mapping[str, str], scenario: str | None = None) -> None:
    """In a job on GitHub, print annotations and add ``summary``, Markdown, to the job's; elsewhere nothing.

    ``document`` is of a run, a sweep, a search or a comparison; ``scenario`` is what was asked for, a name or a path.
    A summary that cannot be written is told in a line and changes nothing. OSError where standard error is closed.
    """
    if environ.get(_SWITCH) != "true":
        return
    from reports.github import annotations_of

    trouble = _add(summary, environ.get("GITHUB_STEP_SUMMARY"))
    _say(annotations_of(document, _places(document, scenario, environ)))
    if trouble is not None:
        sys.stderr.write(f"chatbench: no job summary: {trouble}\n")
    sys.stderr.flush()


def complain(text: str, environ: Mapping[str, str]) -> None:
    """In a job on GitHub, annotate what ended a command before there was a document."""
    if environ.get(_SWITCH) == "true":
        from reports.github import Annotation, Level

        _say([Annotation(Level.ERROR, "chatbench", text)])


def _say(annotations: Sequence[Annotation]) -> None:
    from reports.github import lines_of

    sys.stderr.write("".join(f"{line}\n" for line in lines_of(annotations)))


def _add(summary: str, file: str | None) -> str | None:
    """Append it; why it cannot be, in a few words. Without a file nobody wants one."""
    if not file:
        return None
    path, text = Path(file), f"{summary.rstrip()}\n\n"
    try:
        size_bytes = path.stat().st_size if path.exists() else 0
        if size_bytes + len(text.encode()) > MOST_SUMMARY_BYTES:
            return f"{path}: GitHub shows no more than {MOST_SUMMARY_BYTES >> 20} MiB of a step"
        with path.open("a", encoding="utf-8") as end:
            end.write(text)
    except OSError as error:
        return f"cannot write {path}: {error.strerror}"
    return None


def _places(document: dict[str, Any], scenario: str | None, environ: Mapping[str, str]) -> dict[str, Place]:
    """The lines of its budgets, where they stand in files of the repository."""
    from reports.github import Place, without_blanks

    root = environ.get("GITHUB_WORKSPACE")
    if scenario is None or not root:
        return {}
    shared = (document.get("plan") or {}).get("run.budgets_file", {}).get("value")
    tables = {scenario: ["budgets"]} | ({} if shared is None else {shared: ["", f"scenario.{Path(scenario).stem}"]})
    known = {text: Place(*at) for path, names in tables.items() for text, at in _lines_in(path, root, names).items()}
    expressions = [budget["expression"] for budget in document.get("budgets") or []]
    return {each: known[without_blanks(each)] for each in expressions if without_blanks(each) in known}


def _lines_in(file: str, root: str, tables: Collection[str]) -> dict[str, tuple[str, int]]:
    """Budget without blanks -> where it stands in a file; none where that is not in the repository."""
    from reports.github import lines_of_budgets

    path = Path(file).resolve()
    try:
        name = path.relative_to(Path(root).resolve()).as_posix()
        lines = lines_of_budgets(path.read_text(encoding="utf-8"), tables)
    except (OSError, ValueError):  # of the catalogue; elsewhere; no longer there
        return {}
    return {text: (name, line) for text, line in lines.items()}
