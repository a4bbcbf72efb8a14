"""Where we print: standard error and output, and the shapes that paragraphs and rows have there."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 80
# A last cell that would be narrower stands below the others.
_NARROWEST = 16
_BELOW_INDENT = 4

# A text, or a text and its style in rich's words; a cell may have several.
Part = str | tuple[str, str]
Cell = Part | list[Part]


class _Console(Console):
    """One whose reader may hang up: rich would end the program, and a run must go on to its document."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # called by rich while it handles the BrokenPipeError


def stderr() -> Console:
    """Standard error, for what is said of runs."""
    return _Console(stderr=True, highlight=False)


def stdout() -> Console:
    """Standard output, for what a command prints besides runs; colours on a terminal, plain text elsewhere."""
    return Console(highlight=False)


def can_be_drawn_over(console: Console) -> bool:
    """Whether it is a terminal with a cursor that can be moved: not a file, not a pipe, not TERM=dumb.

    Whoever wants colours in a file (FORCE_COLOR) does not want a picture of a second over that of the second before.
    """
    return console.is_terminal and not console.is_dumb_terminal and console.file.isatty()


def print_text(console: Console, text: str, style: str = "", *, wrap: bool = True) -> None:
    """Print a paragraph; what is to be copied goes on one line however long it is (``wrap``)."""
    width = min(WIDTH, console.width) if wrap else None
    console.print(Text(text, style), width=width, soft_wrap=not wrap)


def print_row(console: Console, cells: Sequence[Cell], widths: Sequence[int]) -> None:
    """Print cells side by side: the first ones so wide, in characters, and the last over what is left of the line.

    On a terminal too narrow for that, the last one goes below them.
    """
    texts = [Text.assemble(*(cell if isinstance(cell, list) else [cell])) for cell in cells]
    line_width = min(WIDTH, console.width)
    if line_width - sum(widths) - 2 * len(widths) < _NARROWEST:
        *first, last = texts
        if any(text.plain for text in first):
            _print_columns(console, first, widths[:-1], line_width)
        _print_columns(console, [Text(), last], (_BELOW_INDENT - 2,), line_width)
    else:
        _print_columns(console, texts, widths, line_width)


def _print_columns(console: Console, texts: Sequence[Text], widths: Sequence[int], line_width: int) -> None:
    columns = grid(0)
    for width in widths:
        columns.add_column(width=width)
    columns.add_column(ratio=1)
    columns.add_row(*texts)
    console.print(columns, width=line_width)


def grid(columns: int) -> Table:
    """A table without lines and head."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns):
        table.add_column()
    return table
