"""What is said on a terminal: of a run, on standard error, a live line and a summary; for other commands plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reports import numbers
from reports.incidents import IncidentRow
from reports.planned import phase_length_s
from reports.slices import SliceRow
from reports.summary import Summary, label_of, summarise

WIDTH = 80
# Without a terminal, a line so often: a log is read later, and nobody waits for it.
PLAIN_INTERVAL_S = 5.0

_TONES = {"good": "green", "bad": "red", "unsure": "yellow"}
_STATES = {"held": "green", "broken": "bold red", numbers.NO_DATA: "bold yellow"}
_SEVERITIES = {"fatal": "bold red", "warning": "bold yellow", "note": "bold"}
# Phases that take as long as they take -> the metric that has a sample for each user who is through.
_COUNTED = {"login": "login_time", "connect": "connect_time", "join": "join_time"}

# A text, or a text and its style in rich's words; a cell may have several.
Part = str | tuple[str, str]
Cell = Part | list[Part]


class LiveView:
    """Shows how a run is doing; a context manager. Give each snapshot of the document to :meth:`update`.

    On a terminal two lines are drawn over again. Elsewhere a plain line appears with each new phase, and every
    PLAIN_INTERVAL_S of the run's own time.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _stderr()
        self._live: Live | None = None
        self._last_line_s: float | None = None
        self._last_phase: str | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def update(self, document: dict[str, Any]) -> None:
        """Show the newest snapshot of the result document."""
        if self._live is not None:
            self._live.update(_live_lines(document), refresh=True)
            return
        now_s, phase = _run_time_s(document), _phase_name(document)
        is_due = self._last_line_s is None or now_s - self._last_line_s > PLAIN_INTERVAL_S
        if is_due or phase != self._last_phase:
            self._last_line_s, self._last_phase = now_s, phase
            parts = (f"{now_s:.0f} s", _phase_text(document), _users_text(document), _figures_text(document))
            self._console.print(Text("  ".join(part for part in parts if part)), soft_wrap=True)


def print_summary(document: dict[str, Any], report: Path | None = None, *, console: Console | None = None) -> None:
    """Print what a run came to, and where the rest can be read: the report, or the run directory."""
    console = console or _stderr()
    summary = summarise(document)
    console.print()
    for block in _summary_blocks(summary):
        console.print(block, width=min(WIDTH, console.width))
        console.print()
    if report is not None:
        # On one line however long it is, so that it can be clicked and copied.
        console.print(Text(f"report  {report}"), soft_wrap=True)


def summary_text(document: dict[str, Any], report: Path | None = None) -> str:
    """What :func:`print_summary` prints, without colours, for whoever puts it into a text of their own."""
    text = StringIO()
    print_summary(document, report, console=Console(file=text, width=WIDTH, force_terminal=False, highlight=False))
    return "\n".join(line.rstrip() for line in text.getvalue().strip().splitlines())


def stdout() -> Console:
    """Standard output, for what a command prints besides runs; colours on a terminal, plain text elsewhere."""
    return Console(highlight=False)


def print_text(console: Console, text: str, style: str = "", *, wrap: bool = True) -> None:
    """Print a paragraph; what is to be copied goes on one line however long it is (``wrap``)."""
    width = min(WIDTH, console.width) if wrap else None
    console.print(Text(text, style), width=width, soft_wrap=not wrap)


def print_row(console: Console, cells: Sequence[Cell], widths: Sequence[int]) -> None:
    """Print cells side by side: the first ones so wide, in characters, and the last over what is left of the line."""
    grid = _grid(0)
    for width in widths:
        grid.add_column(width=width)
    grid.add_column(ratio=1)
    grid.add_row(*(Text.assemble(*(cell if isinstance(cell, list) else [cell])) for cell in cells))
    console.print(grid, width=min(WIDTH, console.width))


def _summary_blocks(summary: Summary) -> list[RenderableType]:
    tone = _TONES[summary.headline.tone]
    blocks: list[RenderableType] = [
        _hanging(Text(summary.headline.badge, f"bold {tone}"), Text(summary.headline.sentence))
    ]
    figures = _grid(4)
    for figure in summary.figures:
        style = "bold red" if figure.bad else "bold"
        figures.add_row("", figure.label, Text(figure.value, style, justify="right"), Text(figure.note, "dim"))
    blocks.append(figures)
    if summary.budgets:
        budgets = _grid(4)
        for row in summary.budgets:
            budgets.add_row("", Text(row.state, _STATES[row.state]), Text(row.expression), row.observed)
        blocks.append(budgets)
    if any(row.is_judged for row in summary.slices):
        blocks.append(_slices(summary.slices))
    if summary.incidents:
        blocks.append(Group(*map(_incident, summary.incidents)))
    for doubt in summary.doubts:
        body = Group(Text(f"{doubt.title}: {doubt.detail}"), Text(doubt.advice, "italic"))
        blocks.append(_hanging(Text(doubt.severity, _SEVERITIES[doubt.severity]), body))
    if summary.errors:
        errors = _grid(4)
        for error in summary.errors[:5]:
            what = Text(f"{error.kind} in {error.phase}", overflow="ellipsis", no_wrap=True)
            errors.add_row("", Text(error.count, justify="right"), what, Text(error.example, "dim"))
        blocks.append(errors)
    if summary.books_close is False:
        blocks.append(Text("The books do not close: something was counted twice or not at all.", "bold red"))
    if summary.limit:
        blocks.append(Text(summary.limit))
    return blocks


def _slices(rows: Sequence[SliceRow]) -> RenderableType:
    """Those that budgets name: the report has them all."""
    grid = _grid(6)
    for row in rows:
        if row.is_judged:
            p50, _, p99 = row.quantiles
            lost = Text(f"lost {row.lost}", "bold red" if row.bad else "")
            grid.add_row("", row.name, f"{row.count} received", f"p50 {p50}", f"p99 {p99}", lost)
    return grid


def _incident(row: IncidentRow) -> RenderableType:
    """What happened to whom, and below it what matters most of what became of them."""
    hit = f": {row.hit} users hit" if row.hit else ""
    head = Text.assemble((row.name, "bold"), f" at {row.at}" if row.at else "", hit)
    outcome = Text(next(iter(row.outcomes), ""), "bold red" if row.bad else "")
    return Padding(Group(head, outcome), (0, 0, 0, 2))


def _hanging(head: Text, body: RenderableType) -> RenderableType:
    grid = _grid(2)
    grid.add_row(head, body)
    return grid


def _grid(columns: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns):
        grid.add_column()
    return grid


def _live_lines(document: dict[str, Any]) -> RenderableType:
    done = _progress(document)
    head = _grid(3)
    bar = (
        Text("")
        if done is None
        else ProgressBar(total=1.0, completed=done, width=24, complete_style="cyan", finished_style="cyan")
    )
    head.add_row(Text(_phase_text(document), "bold"), bar, _users_text(document))
    return Group(head, Text(_figures_text(document)))


def _phase_name(document: dict[str, Any]) -> str | None:
    phases = document.get("phases") or []
    return str(phases[-1]["name"]) if phases else None


def _phase_text(document: dict[str, Any]) -> str:
    phases = document.get("phases") or []
    if not phases:
        return "starting"
    phase = phases[-1]
    name, planned_s = label_of(phase["name"]), phase_length_s(document, phase["name"])
    if planned_s:
        spent_s = min(planned_s, max(0.0, _run_time_s(document) - phase["start_s"]))
        return f"{name} {spent_s:.0f} of {planned_s:g} s"
    done = _progress(document)
    return name if done is None else f"{name} {numbers.percent(done)}"


def _progress(document: dict[str, Any]) -> float | None:
    """How much of the present phase is done, 0 to 1; None when that cannot be said."""
    phases = document.get("phases") or []
    if not phases:
        return None
    phase = phases[-1]
    planned_s = phase_length_s(document, phase["name"])
    if planned_s:
        share = (_run_time_s(document) - phase["start_s"]) / planned_s
        return float(min(1.0, max(0.0, share)))
    users = (document.get("counters") or {}).get("users_planned")
    metric = (document.get("metrics") or {}).get(_COUNTED.get(phase["name"], "")) or {}
    return min(1.0, metric["count"] / users) if users and metric.get("count") is not None else None


def _users_text(document: dict[str, Any]) -> str:
    """Who is there, who has come back, and over how many processes they are spread."""
    connections = _newest(document, "connections")
    if connections is None:
        return ""
    counters, planned = document.get("counters") or {}, document.get("plan") or {}
    users = counters.get("users_planned")
    talking = _phase_name(document) in ("warmup", "measure", "drain")
    # With stages fewer than all of them are wanted most of the time.
    some_are_away = talking and users and connections < users and not planned.get("users.stages", {}).get("value")
    shown = [f"{numbers.count(connections)}{f' of {numbers.count(users)}' if some_are_away else ''} users"]
    if counters.get("reconnects"):
        shown.append(f"{numbers.count(counters['reconnects'])} came back")
    processes = len((document.get("generator") or {}).get("processes") or [])
    if processes > 1:
        shown.append(f"{processes} processes")
    return "  ".join(shown)


def _figures_text(document: dict[str, Any]) -> str:
    """What the newest second has to say; what it knows nothing of is left out."""
    sent, received = (_newest(document, name) for name in ("messages_sent", "deliveries_received"))
    shown = [] if sent is None else [f"{numbers.count(sent)} messages/s"]
    if received is not None:
        shown.append(f"{numbers.count(received)} deliveries/s")
    for quantile in ("p50", "p99"):
        value_ms = _newest(document, f"delivery_time_{quantile}_ms")
        if value_ms is not None:
            shown.append(f"{quantile} {numbers.duration(value_ms)}")
    if shown:
        shown.append(f"lost {numbers.count((document.get('counters') or {}).get('deliveries_lost'))}")
    return "  ".join(shown)


def _newest(document: dict[str, Any], name: str) -> float | None:
    values = (document.get("series") or {}).get(name) or [None]
    return None if values[-1] is None else float(values[-1])


def _run_time_s(document: dict[str, Any]) -> float:
    """How far the run is, by its own account."""
    times = (document.get("series") or {}).get("t_s") or []
    starts = [phase["start_s"] for phase in document.get("phases") or []]
    return float(max([*times[-1:], *starts[-1:]], default=0.0))


class _Console(Console):
    """One whose reader may hang up: rich would end the program, and a run must go on to its document."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # called by rich while it handles the BrokenPipeError


def _stderr() -> Console:
    return _Console(stderr=True, highlight=False)
