"""A run that goes on, laid out on a screen of so many rows and columns: no line is longer, and there are no more.

Where there is little room, the least important lines go first, and of a line the cells at its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from reports import numbers
from reports.terminal.last_minute import sparkline
from reports.terminal.so_far import BudgetNow, State
from reports.terminal.standing import Standing, Told

# From so many columns on names are written out.
_WIDE = 60
_STATES = {State.HELD: "green", State.BROKEN: "bold red", State.NO_DATA: "yellow", State.NOT_YET: "yellow"}
# Where there is less room than for the whole name.
_SHORT = {
    "messages/s": "sent/s",
    "deliveries/s": "recv/s",
    "deliveries": "ledger",
    "generator": "load",
    "delivery time": "time",
    "  last second": "last s",
    "  window so far": "so far",
}
# Of two lines that are as important, the lower one goes first; blank ones before all others.
_BLANK = 9


@dataclass(frozen=True, slots=True)
class Minute:
    """What was sent and received in each second of the last minute, the newest last."""

    sent: Sequence[float | None] = ()
    received: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """How much room there is, and of what kind."""

    width: int
    height: int
    plain: bool = False
    """Whether there are the characters of ASCII alone."""


def lay_out(standing: Standing, minute: Minute, sheet: Sheet, notes: Sequence[str] = ()) -> list[Text]:
    """As many lines as the sheet has; ``notes`` are addresses at which more is to be seen."""
    wanted = list(_lines(standing, minute, sheet, notes))
    by_weight = sorted(range(len(wanted)), key=lambda i: (wanted[i][0], i))
    kept = sorted(by_weight[: sheet.height])
    lines = [wanted[i][1] for i in kept]
    for line in lines:
        line.truncate(sheet.width, overflow="ellipsis" if not sheet.plain else "crop")
        line.no_wrap = True
    return lines + [Text("")] * (sheet.height - len(lines))


def _lines(standing: Standing, minute: Minute, sheet: Sheet, notes: Sequence[str]) -> Iterator[tuple[int, Text]]:
    """Each with its weight: the larger, the sooner it is left out."""
    label = _Label(16 if sheet.width >= _WIDE else 9)
    yield 0, Text.assemble((standing.scenario or "chatbench", "bold"), "  ", (standing.run_left, "dim"))
    yield 7, Text(standing.target, "dim")
    yield _BLANK, Text("")
    yield 0, _phase(standing, sheet)
    yield _BLANK, Text("")
    yield 1, label("users", _cells(standing.users, sheet.width - label.width))
    for weight, name, value, values in (
        (3, "messages/s", standing.sent_per_s, minute.sent),
        (2, "deliveries/s", standing.received_per_s, minute.received),
    ):
        yield weight, _rate(label, name, value, values, sheet)
    yield _BLANK, Text("")
    yield from _times(standing, label)
    yield _BLANK, Text("")
    if standing.deliveries:
        yield 2, label("deliveries", _cells(standing.deliveries, sheet.width - label.width))
    yield 3, label("generator", _cells(standing.generator, sheet.width - label.width))
    if standing.server:
        yield 5, label("server", _cells(standing.server, sheet.width - label.width))
    if standing.budgets:
        yield _BLANK, Text("")
        yield from _budgets(standing.budgets, label, sheet)
    yield _BLANK, Text("")
    for weight, name, text, style in (
        (3, "doubt", standing.concern, "bold yellow"),
        (4, "incident", standing.news, "bold"),
        (6, "errors", standing.errors, "red"),
    ):
        if text:
            yield weight, label(name, Text(text, style))
    for note in notes:
        yield 3, Text(note)  # the line that was printed with it is on the screen behind this one
    yield 8, Text("Ctrl-C ends the run; what is known is written down", "dim")


class _Label:
    """Puts a name before what is said of it, all names as wide."""

    def __init__(self, width: int) -> None:
        self.width = width

    def __call__(self, name: str, text: Text) -> Text:
        name = name if len(name) < self.width else _SHORT[name]
        return Text.assemble((f"{name:<{self.width}}", "dim"), text)


def _phase(standing: Standing, sheet: Sheet) -> Text:
    """Name, bar, how far, how long still: the bar takes what the others leave, and goes where that is nothing."""
    words = [word for word in (standing.done_words, standing.left) if word]
    while words and cell_len("  ".join((standing.phase, *words))) > sheet.width:
        words.pop(0)
    rest = "  ".join(words)
    room = sheet.width - cell_len(standing.phase) - cell_len(rest) - 4
    line = Text(standing.phase, "bold")
    if standing.done is not None and room >= 6:
        line.append("  ").append_text(bar(standing.done, min(room, 60), plain=sheet.plain))
    return line.append(f"  {rest}") if rest else line


def bar(done: float, width: int, *, plain: bool = False) -> Text:
    """So much of a bar of ``width`` characters."""
    full, empty = ("#", ".") if plain else ("█", "░")
    filled = round(max(0.0, min(1.0, done)) * width)
    return Text.assemble((full * filled, "cyan"), (empty * (width - filled), "dim"))


def _rate(label: _Label, name: str, value: str, values: Sequence[float | None], sheet: Sheet) -> Text:
    line = label(name, Text(f"{value:>10}", "bold"))
    spark = sparkline(list(values), sheet.width - label.width - 12, plain=sheet.plain)
    return line.append(f"  {spark}", "cyan")


def _times(standing: Standing, label: _Label) -> Iterator[tuple[int, Text]]:
    def row(cells: Iterable[str], style: str) -> Text:
        return Text("".join(f"{cell:>{8 if label.width < 12 else 10}}" for cell in cells).removeprefix(" "), style)

    yield 2, label("delivery time", row(("p50", "p90", "p99", "max"), "dim"))
    yield 2, label("  last second", row(standing.last_second, ""))
    yield 1, label("  window so far", row(standing.window, "bold"))


def _budgets(budgets: Sequence[BudgetNow], label: _Label, sheet: Sheet) -> Iterator[tuple[int, Text]]:
    """How many there are of each kind, and each of them where there is room."""
    counts = [(state, sum(now.state is state for now in budgets)) for state in State]
    said = Text("  ").join(Text(f"{count} {state}", _STATES[state]) for state, count in counts if count)
    yield 2, label("budgets", said)
    for now in budgets:
        seen = f"  {now.seen}" if now.seen else ""
        room = sheet.width - 2 - 15 - cell_len(seen)
        expression = Text(numbers.printable(now.expression))
        expression.truncate(max(10, room), overflow="ellipsis")
        row = Text.assemble("  ", (f"{now.state:<15}", _STATES[now.state]), expression, (seen, "bold"))
        yield 3 if now.state is State.BROKEN else 6, row


def _cells(told: Sequence[Told], width: int) -> Text:
    """As many of them, from the first on, as fit."""
    line = Text("")
    for number, each in enumerate(told):
        cell = Text.assemble(f"{each.name} ", (each.value, "bold red" if each.bad else "bold"))
        if number and line.cell_len + 3 + cell.cell_len > width:
            break
        line.append("   " if number else "").append_text(cell)
    return line
