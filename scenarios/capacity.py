"""``chatbench capacity``: the largest load that a server carries within its budgets, as an interval."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadgen.errors import InputError, TargetUnreachableError
from loadgen.measure.doubts import DoubtCode
from loadgen.plan.access import without_passwords
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.slices import RoomClass, SliceKind, kind_of
from reports import capacity_markdown, store
from reports.budgets import Document, ExitCode
from reports.capacity import Answer, Axis, Ended, Probe, build, known_text, lines_of, probe_line, unit_of
from reports.terminal import Doing, Waiting, left_text
from scenarios import github
from scenarios.capacity_search import Next, Outcome, Search
from scenarios.endpoint import refuse_page
from scenarios.exporter import check_for_several
from scenarios.probing import Asked, InterruptedRunError, carry_out, interrupts, say
from scenarios.settle import Settled, settle
from scenarios.sweep import refuse

DOCUMENT_NAME = "capacity.json"
# The run that confirms the answer lasts so many times as long as the others.
CONFIRMATION_FACTOR = 3

# Messages to one user are so, however many users there are.
_DIRECT = SliceKind.ROOM.named(RoomClass.DIRECT)
_KEYS = {Axis.USERS: "users.count", Axis.RATE: "traffic.rate_per_s", Axis.ROOM: "users.count"}
_FLAGS = {Axis.USERS: "--users", Axis.RATE: "--rate", Axis.ROOM: "--users"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    scenario: str
    of: Axis
    flags: dict[str, Any]
    """By key path, as typed."""
    arguments: tuple[str, ...]
    """The same, for ``chatbench run``."""
    start: int | None = None
    most: int | None = None
    max_time_s: float = 600.0
    duration_s: float = 8.0
    out: Path | None = None
    print_json: bool = False


@dataclass(slots=True)
class _State:
    probes: list[Probe] = field(default_factory=list)
    ended: Ended = Ended.FOUND
    why: str | None = None


@dataclass(frozen=True, slots=True)
class _Climb:
    """A search that goes on."""

    wish: Wish
    environ: Mapping[str, str]
    directory: Path
    search: Search
    state: _State
    began_s: float
    asked: Asked
    waiting: Waiting

    @property
    def left_s(self) -> float:
        """How much of the time there is for all of it is left."""
        return self.wish.max_time_s - (time.monotonic() - self.began_s)


def capacity(wish: Wish, environ: Mapping[str, str], command: str) -> ExitCode:
    """Search, and leave a directory with the document; a BenchError before anything starts."""
    settled = _settled(wish, environ, None)
    settled.check_target()
    if not settled.budgets:
        raise InputError(
            f"{wish.scenario}: expected a budget (--budget), since without one nothing can break, got none"
        )
    check_for_several(settled.run.prometheus_port)
    refuse_page(settled.run.web, "chatbench capacity")
    _check_slices(wish, settled)
    started = datetime.now(UTC)
    directory = wish.out or Path("runs") / f"{started:%Y%m%d-%H%M%S}-capacity-{settled.name}"
    store.claim(directory, force=settled.run.force)
    least = _least(wish.of, settled)
    search = Search(wish.start or max(least, _start(wish.of, settled)), wish.most, least)
    state = _State()
    began_s, waiting = time.monotonic(), Waiting()
    try:
        with interrupts() as asked, waiting:
            _climb(_Climb(wish, environ, directory, search, state, began_s, asked, waiting))
    except TargetUnreachableError:
        if not state.probes:
            store.give_back(directory, "probes")
            raise
        state.ended = Ended.INTERRUPTED
    facts = {
        "id": f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        "scenario": settled.name,
        "command": command,
        "started_at": started.isoformat(timespec="milliseconds"),
        "finished_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "seconds": time.monotonic() - began_s,
        "target": list(map(without_passwords, settled.base_urls)) or None,
    }
    answer = Answer(search.held, search.broke, search.is_confirmed)
    if state.ended is Ended.FOUND and answer.held is None:
        state.ended = Ended.NOTHING_HELD
    document = build(facts, wish.of, state.probes, answer, state.ended, state.why)
    _leave(document, directory)
    waiting.say("", *lines_of(document))
    say("", f"report  {directory / 'capacity.html'}")
    github.show(document, capacity_markdown.render(document), os.environ)
    if wish.print_json:
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
        sys.stdout.flush()
    return _exit_code(state.ended, answer, search)


def _leave(document: Document, directory: Path) -> None:
    store.write(directory / DOCUMENT_NAME, json.dumps(document, indent=1, allow_nan=False) + "\n")
    from reports.capacity_page import render

    store.write(directory / "capacity.html", render(document))


def _outcome(code: int, document: Document) -> Outcome:
    if code == ExitCode.INVALID:
        fatal = {doubt["code"] for doubt in document["doubts"] if doubt["severity"] == "fatal"}
        return Outcome.SPARSE if fatal == {DoubtCode.TOO_FEW_SAMPLES} else Outcome.UNBELIEVABLE
    return Outcome.HELD if code == ExitCode.PASS else Outcome.BROKE


def _exit_code(ended: Ended, answer: Answer, search: Search) -> ExitCode:
    if ended is Ended.INTERRUPTED:
        return ExitCode.INTERRUPTED
    if answer.held is not None:
        return ExitCode.PASS
    return ExitCode.FAILED if search.why is Outcome.BROKE else ExitCode.INVALID


def _check_slices(wish: Wish, settled: Settled) -> None:
    """InputError for a budget on a slice that some loads have, and others not, or that would be another one."""
    unsteady = SliceKind.STAGE if wish.of is Axis.RATE else SliceKind.ROOM
    for budget in settled.budgets:
        if budget.slice not in (None, _DIRECT) and kind_of(budget.slice) is unsteady:
            raise InputError(
                f"{wish.scenario}: budgets: expected none on a slice by {unsteady}, which changes with the load, "
                f'got "{budget.expression}"'
            )


def _start(of: Axis, settled: Settled) -> int:
    """An eighth of what the scenario has: most servers carry that, and three doublings bring it back."""
    whole = settled.scenario.users.count if of is not Axis.RATE else settled.rows["traffic.rate_per_s"]["value"]
    return max(1, round(whole / 8))


def _least(of: Axis, settled: Settled) -> int:
    """Of fewer users some rooms, or processes, would have none, and a run be refused."""
    if of is Axis.RATE:
        return 1
    return max(settled.process_count, settled.rows["users.rooms.count"]["value"] if of is Axis.USERS else 1)


def _settled(wish: Wish, environ: Mapping[str, str], load: int | None) -> Settled:
    flags = dict(wish.flags)
    if load is not None:
        flags[_KEYS[wish.of]] = str(load)
    settled = settle(wish.scenario, flags, environ)
    refuse(settled.sweep, "chatbench capacity")
    if settled.stages:
        raise InputError(f"{wish.scenario}: expected a scenario without stages, whose load stays as it is, got some")
    return settled


def _climb(climb: _Climb) -> None:
    wish, search, state = climb.wish, climb.search, climb.state
    while (tried := search.next()) is not None:
        if climb.asked():
            state.ended = Ended.INTERRUPTED
            return
        if climb.left_s < wish.duration_s:
            state.ended = Ended.MAX_TIME
            return
        try:
            settled = _settled(wish, climb.environ, tried.load)
        except InputError as error:
            if search.held is None:
                raise
            # This machine cannot offer it: the largest that it can is what held.
            state.ended, state.why = Ended.BOUND, str(error)
            return
        try:
            probe, outcome = _probe(climb, tried, settled)
        except InterruptedRunError:
            state.ended = Ended.INTERRUPTED
            return
        state.probes.append(probe)
        search.tell(tried, outcome)
        climb.waiting.say(probe_line(asdict(probe)))


def _probe(climb: _Climb, tried: Next, settled: Settled) -> tuple[Probe, Outcome]:
    """One run, against a fresh server where it is ours; InterruptedRunError where it was ended by hand."""
    wish, directory, number = climb.wish, climb.directory, len(climb.state.probes) + 1
    duration_s = wish.duration_s * (CONFIRMATION_FACTOR if tried.confirms else 1)
    planned_s = settled.planned_s - settled.scenario.phases.measure / NS_PER_S + duration_s
    run = directory / "probes" / f"{number:02d}-{tried.load}"
    arguments = [
        *(wish.scenario, *wish.arguments, _FLAGS[wish.of], str(tried.load), "--duration", f"{duration_s:g}s"),
        *("--out", str(run), "--quiet", "--no-html", "--no-plots"),
    ]
    if wish.of is Axis.ROOM:
        arguments += ["--rooms", "1"]

    def show(spent_s: float) -> None:
        what = f"{tried.load:,} {unit_of(wish.of)}{', longer' if tried.confirms else ''}"
        known = known_text(climb.search.held, climb.search.broke)
        left = f"{left_text(planned_s, spent_s)}, {max(0.0, climb.left_s):.0f} s at most"
        climb.waiting.show(Doing(what, min(1.0, spent_s / planned_s), left, known))

    ending = carry_out(arguments, duration_s, climb.asked, show)
    code = ending.code
    if code in (ExitCode.PASS, ExitCode.FAILED, ExitCode.INVALID, 106) and (run / store.DOCUMENT_NAME).exists():
        document = store.read_document(run)
        outcome = _outcome(code, document)
        probe = Probe.of(document, tried.load, str(outcome), str(run.relative_to(directory)), confirms=tried.confirms)
        return probe, outcome
    if code == 106:
        raise TargetUnreachableError(ending.said or "the target cannot be reached")
    if code == ExitCode.BAD_INPUT and not climb.state.probes:
        raise InputError(ending.said)
    if code == ExitCode.BAD_INPUT:  # what was right before: its figures are no longer there, say
        raise TargetUnreachableError(ending.said)
    raise RuntimeError(f"a run with {tried.load} ended with exit code {code}: {ending.said}")
