"""The part of docs/benchmarks.md that is made of one run. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers import table
from benchmarks.peers.attempts import OTHERS_LIMIT, SETTLED_AFTER_S, Attempts, Figure, Soaked
from benchmarks.peers.campaign import FEW_SOCKETS, SOCKETS
from benchmarks.peers.side import Side
from benchmarks.peers.soak import RATE_PER_S
from reports import numbers


def page_of(attempts: Attempts, soaked: Sequence[Soaked], sides: Sequence[Side], made: str) -> str:
    """All tables; those of what was not measured are left out."""
    lines = [made, "", *_section("Aims", table.aims_table(attempts))]
    if attempts.of(Figure.COST):
        lines += _section("CPU of a delivery", table.cost_table(attempts, sides))
        lines += ["![CPU of a delivery, client by client](pictures/peers.png)", ""]
    if attempts.of(Figure.COST) or attempts.of(Figure.ACCURACY):
        lines += _section(
            "The same server, seen through each", table.accuracy_table(attempts, sides, FEW_SOCKETS, SOCKETS)
        )
    if attempts.of(Figure.CARRIED):
        lines += _section("What one core carries", table.carried_table(attempts, sides))
    if attempts.of(Figure.SOCKETS):
        lines += _section("Memory and connecting", table.sockets_table(attempts, sides))
    if soaked:
        lines += _section("Memory over time", table.soak_table(soaked))
        lines += [
            f"{soaked[0].sockets} sockets each, {RATE_PER_S} messages a second to each socket, all clients at the "
            f"same time; the growth is that after the first {SETTLED_AFTER_S} seconds.",
            "",
        ]
    lines += _section("Versions", table.table(["client", "version"], [[side.name, version_of(side)] for side in sides]))
    return "\n".join(lines)


def made_by(
    command: str, machine: dict[str, str], core_count: int | None, attempts: Attempts, *, is_whole: bool
) -> str:
    """With which command, where and when, and what was amiss."""
    day = machine["date"][:10]
    text = (
        f"Made by `{command}` ({machine['cpu']}, {core_count} cores, {machine['kernel']}, {machine['python']}, {day})."
    )
    if not is_whole:
        text += " The run was interrupted: what is missing was not measured."
    disturbed = sum(run.is_disturbed for run in attempts.runs)
    if disturbed:
        text += (
            f" In {disturbed} of {len(attempts.runs)} runs, marked as disturbed, others took more than "
            f"{numbers.percent(OTHERS_LIMIT)} of a core, twice."
        )
    return text


def version_of(side: Side) -> str:
    """Its version, or what to install."""
    missing = side.missing()
    return side.version() if missing is None else f"not installed: {missing}"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"### {title}", "", *lines, ""]
