"""``chatbench capacity``: the largest load that a server carries within its budgets, as an interval."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadgen.errors import InputError, TargetUnreachableError
from reports import store
from reports.budgets import Document, ExitCode
from reports.capacity import Answer, Axis, Ended, Probe, build, lines_of, probe_line
from scenarios.capacity_search import Next, Outcome, Search
from scenarios.settle import Settled, settle

DOCUMENT_NAME = "capacity.json"
# The run that confirms the answer lasts so many times as long as the others.
CONFIRMATION_FACTOR = 3
# What a run takes beside its own phases before we call it hung.
OVERHEAD_S = 120.0

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


class _InterruptedError(Exception):
    """A run was ended by hand."""


def capacity(wish: Wish, environ: Mapping[str, str], command: str) -> ExitCode:
    """Search, and leave a directory with the document; a BenchError before anything starts."""
    settled = _settled(wish, environ, None)
    if not settled.budgets:
        raise InputError(
            f"{wish.scenario}: expected a budget (--budget), since without one nothing can break, got none"
        )
    started = datetime.now(UTC)
    directory = wish.out or Path("runs") / f"{started:%Y%m%d-%H%M%S}-capacity-{settled.name}"
    store.claim(directory, force=settled.run.force)
    search = Search(wish.start or _start(wish.of, settled), wish.most)
    state = _State()
    began_s = time.monotonic()
    try:
        with _interrupts() as interrupted:
            _climb(wish, environ, directory, search, state, began_s, interrupted)
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
        "target": list(settled.base_urls) or None,
    }
    answer = Answer(search.held, search.broke, search.is_confirmed)
    if state.ended is Ended.FOUND and answer.held is None:
        state.ended = Ended.NOTHING_HELD
    document = build(facts, wish.of, state.probes, answer, state.ended, state.why)
    _leave(document, directory)
    _say("", *lines_of(document), "", f"report  {directory / 'capacity.html'}")
    if wish.print_json:
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
        sys.stdout.flush()
    return _exit_code(state.ended, answer, search)


def _leave(document: Document, directory: Path) -> None:
    store.write(directory / DOCUMENT_NAME, json.dumps(document, indent=1, allow_nan=False) + "\n")
    from reports.capacity_page import render

    store.write(directory / "capacity.html", render(document))


def _exit_code(ended: Ended, answer: Answer, search: Search) -> ExitCode:
    if ended is Ended.INTERRUPTED:
        return ExitCode.INTERRUPTED
    if answer.held is not None:
        return ExitCode.PASS
    return ExitCode.FAILED if search.why is Outcome.BROKE else ExitCode.INVALID


def _start(of: Axis, settled: Settled) -> int:
    """An eighth of what the scenario has: most servers carry that, and three doublings bring it back."""
    whole = settled.scenario.users.count if of is not Axis.RATE else settled.rows["traffic.rate_per_s"]["value"]
    return max(1, round(whole / 8))


def _settled(wish: Wish, environ: Mapping[str, str], load: int | None) -> Settled:
    flags = dict(wish.flags)
    if load is not None:
        flags[_KEYS[wish.of]] = str(load)
    settled = settle(wish.scenario, flags, environ)
    if settled.stages:
        raise InputError(f"{wish.scenario}: expected a scenario without stages, whose load stays as it is, got some")
    return settled


def _climb(
    wish: Wish,
    environ: Mapping[str, str],
    directory: Path,
    search: Search,
    state: _State,
    began_s: float,
    interrupted: Callable[[], bool],
) -> None:
    while (tried := search.next()) is not None:
        if interrupted():
            state.ended = Ended.INTERRUPTED
            return
        left_s = wish.max_time_s - (time.monotonic() - began_s)
        if left_s < wish.duration_s:
            state.ended = Ended.MAX_TIME
            return
        try:
            _settled(wish, environ, tried.load)
        except InputError as error:
            if search.held is None:
                raise
            # This machine cannot offer it: the largest that it can is what held.
            state.ended, state.why = Ended.BOUND, str(error)
            return
        try:
            probe, outcome = _probe(wish, directory, len(state.probes) + 1, tried, interrupted)
        except _InterruptedError:
            state.ended = Ended.INTERRUPTED
            return
        state.probes.append(probe)
        search.tell(tried, outcome)
        _say(probe_line(asdict(probe)))


def _probe(
    wish: Wish, directory: Path, number: int, tried: Next, interrupted: Callable[[], bool]
) -> tuple[Probe, Outcome]:
    """One run, against a fresh server where it is ours; _InterruptedError where it was ended by hand."""
    duration_s = wish.duration_s * (CONFIRMATION_FACTOR if tried.confirms else 1)
    run = directory / "probes" / f"{number:02d}-{tried.load}"
    command = [
        *(sys.executable, "-P", "-c", "from scenarios.cli import main; main()", "run", wish.scenario, *wish.arguments),
        *(_FLAGS[wish.of], str(tried.load), "--duration", f"{duration_s:g}s", "--out", str(run)),
        *("--quiet", "--no-html", "--no-plots"),
    ]
    if wish.of is Axis.ROOM:
        command += ["--rooms", "1"]
    with tempfile.TemporaryFile() as complaint:
        process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, stderr=complaint)
        code = _awaited(process, interrupted, duration_s + OVERHEAD_S)
        complaint.seek(0)
        said = complaint.read().decode(errors="replace").strip()
    if interrupted():
        raise _InterruptedError
    if code in (ExitCode.PASS, ExitCode.FAILED, ExitCode.INVALID, 106) and (run / store.DOCUMENT_NAME).exists():
        document = store.read_document(run)
        outcomes = {int(ExitCode.PASS): Outcome.HELD, int(ExitCode.INVALID): Outcome.UNBELIEVABLE}
        outcome = outcomes.get(code, Outcome.BROKE)
        probe = Probe.of(document, tried.load, str(outcome), str(run.relative_to(directory)), confirms=tried.confirms)
        return probe, outcome
    if code == 106:
        raise TargetUnreachableError(said.removeprefix("chatbench: ") or "the target cannot be reached")
    raise RuntimeError(f"a run with {tried.load} ended with exit code {code}: {said}")


def _awaited(process: subprocess.Popen[bytes], interrupted: Callable[[], bool], limit_s: float) -> int:
    give_up_s = time.monotonic() + limit_s
    is_told = False
    while True:
        try:
            return process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            if interrupted() and not is_told:
                is_told = True
                process.send_signal(signal.SIGINT)
            if time.monotonic() > give_up_s:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Whether somebody has asked us to end meanwhile: the run that goes on is ended first, and the answer kept."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(*lines: str) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()
