"""``chatbench list``, ``show`` and ``dialects``: what there is to begin with."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Annotated

import typer

# What is said of a name has so many characters at least, however narrow the terminal is.
_NARROWEST = 20


def list_scenarios() -> None:
    """List the scenarios of the catalogue."""
    import tomllib

    from scenarios.catalogue import catalogue

    _print_summaries((name, tomllib.loads(text)["summary"]) for name, text in catalogue().items())


def show(
    scenario: Annotated[str, typer.Argument(help="Catalogue name or path of a scenario file.")],
) -> None:
    """Print a scenario file with every key explained."""
    from scenarios.explain import explained

    typer.echo(explained(scenario), nl=False)


def dialects(
    name: Annotated[str | None, typer.Argument(help="One of them, to print its file.", metavar="NAME")] = None,
) -> None:
    """List the built-in dialects, or print one of them as a file to start from.

    chatbench dialects plain > mine.toml; then chatbench doctor --target URL
    --dialect mine.toml says what it needs.
    """
    from scenarios.dialect_files import named_dialects, named_text, summary_of

    if name is not None:
        typer.echo(named_text(name), nl=False)
        return
    _print_summaries((each, summary_of(named_text(each))) for each in named_dialects())


def _print_summaries(summaries: Iterable[tuple[str, str]]) -> None:
    """A line each; on a terminal what is too long goes on below, beside the name."""
    known = dict(summaries)
    indent = max(map(len, known)) + 2
    width = shutil.get_terminal_size().columns
    for name, summary in known.items():
        is_wrapped = sys.stdout.isatty()
        lines = textwrap.wrap(summary, max(_NARROWEST, width - indent)) if is_wrapped else [summary]
        typer.echo(f"{name:<{indent}}" + f"\n{'':<{indent}}".join(lines))
