"""``chatbench ab``, ``compare``, ``report`` and ``capacity``: what one or several runs say of a server."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from loadgen.errors import InputError
from scenarios.commands import command_line

_Wish = TypeVar("_Wish")


def ab(context: typer.Context) -> None:
    """Hold a server (--head) against another (--base): pairs of runs in turns, and a verdict that can be believed.

    All flags: chatbench ab --help.
    """
    from scenarios.ab import ab as carry_out
    from scenarios.ab_flags import wish_of

    wish = _asked_for(wish_of, context)
    raise typer.Exit(carry_out(wish, os.environ, command=command_line()))


def compare_runs(
    base: Annotated[Path, typer.Argument(help="A run directory, or a folder of them.", metavar="BASE")],
    new: Annotated[Path, typer.Argument(help="The same, to be judged.", metavar="NEW")],
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write Markdown.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the document on standard output.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Compare what cannot be compared.")] = False,
) -> None:
    """Compare two runs of a scenario, or two folders of runs.

    Times are judged from ten runs on either side on: single runs of one server
    differ by tens of per cent. Losses, duplicates and the like are exact. Exit
    codes: 0 no worse, 98 worse, 96 cannot tell, 97 a run cannot be believed,
    104 bad input, or runs that cannot be compared.
    """
    from scenarios.compare import Files, compare

    raise typer.Exit(compare(base, new, Files(html, markdown, junit), as_json=as_json, force=force))


def report(
    run_dir: Annotated[Path, typer.Argument(help="The directory of a finished run.", metavar="RUN_DIR")],
    html: Annotated[bool, typer.Option("--html/--no-html", help="Write report.html.")] = True,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Write plots/*.png.")] = True,
) -> None:
    """Draw the report of a run again, from its result.json."""
    from reports.store import read_document
    from reports.streams import heard_or_not
    from reports.terminal import print_summary
    from scenarios.run_directory import leave_behind, report_in

    document = read_document(run_dir)
    if not run_dir.is_dir():
        raise InputError(f"{run_dir}: expected the directory of a run, got a file")
    leave_behind(document, run_dir, html=html, plots=plots)
    with heard_or_not(sys.stderr):
        print_summary(document, report_in(run_dir, html=html))


def capacity(context: typer.Context) -> None:
    """Find the largest load that keeps the budgets: users, messages a second, or the members of one room.

    All flags: chatbench capacity --help.
    """
    from scenarios.capacity import capacity as search
    from scenarios.capacity_flags import wish_of

    wish = _asked_for(wish_of, context)
    raise typer.Exit(search(wish, os.environ, command=command_line()))


def _asked_for(wish_of: Callable[[list[str]], _Wish], context: typer.Context) -> _Wish:
    """What the words behind the command ask for; where that is help, it is printed and all is done."""
    from scenarios.flags_of_run import HelpWanted

    try:
        return wish_of(context.args)
    except HelpWanted as wanted:
        typer.echo(wanted)
        raise typer.Exit from None
