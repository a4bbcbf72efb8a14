"""``chatbench list``, ``show`` and ``dialects``: what there is to begin with."""

from __future__ import annotations

from typing import Annotated

import typer


def list_scenarios() -> None:
    """List the scenarios of the catalogue."""
    import tomllib

    from scenarios.catalogue import catalogue

    scenarios = catalogue()
    width = max(map(len, scenarios))
    for name, text in scenarios.items():
        typer.echo(f"{name:<{width}}  {tomllib.loads(text)['summary']}")


def show(
    scenario: Annotated[str, typer.Argument(help="Catalogue name or path of a scenario file.")],
) -> None:
    """Print a scenario file with every key explained."""
    from scenarios.explain import explained

    typer.echo(explained(scenario), nl=False)


def dialects(
    name: Annotated[str | None, typer.Argument(help="One of them, to print its file.", metavar="[NAME]")] = None,
) -> None:
    """List the built-in dialects, or print one of them as a file to start from.

    chatbench dialects plain > mine.toml; then chatbench doctor --target URL
    --dialect mine.toml says what it needs.
    """
    from scenarios.dialect_files import named_dialects, named_text, summary_of

    if name is not None:
        typer.echo(named_text(name), nl=False)
        return
    names = named_dialects()
    width = max(map(len, names))
    for each in names:
        typer.echo(f"{each:<{width}}  {summary_of(named_text(each))}")
