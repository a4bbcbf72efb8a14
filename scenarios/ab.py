"""``chatbench ab``: two servers under the same load in turns, and whether the one is worse than the other."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadgen.errors import BenchError, InputError
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.secrets import line_shown
from reports import store
from reports.ab import Course, Ended, build
from reports.ab_texts import lines_of, markdown_of, pair_line, so_far_text
from reports.budgets import Document, ExitCode
from reports.compare import Whole
from reports.inference import FEWEST_PAIRS, errors_of_looks
from reports.power import Look
from reports.terminal import Doing, Waiting, left_text
from reports.trials import Pair, Side, Trial
from scenarios import github
from scenarios.access import refuse_metrics
from scenarios.address import base_url_of
from scenarios.alternation import SETTLED_HERE, TURN_S, VARIABLES, scenarios_of, why_not
from scenarios.endpoint import refuse_page
from scenarios.incidents import server_for
from scenarios.pinning import Pinning, separate_cores
from scenarios.probing import Asked, Ending, InterruptedRunError, OnWait, carry_out, carry_out_together, interrupts, say
from scenarios.servers import CommandServer, ServerFailedError, is_address, last_lines, serving
from scenarios.settle import Settled, settle
from scenarios.sweep import refuse
from scenarios.target import check_reachable, command_of_our_server

DOCUMENT_NAME, PAGE_NAME = "ab.json", "ab.html"
# The same share of all judgements of systems that are alike as a comparison's.
ERROR = 0.05
# So many runs that cannot be believed are repeated, as a share of all that are planned.
_REPEATED = 0.5
# How much longer than by its plan a run may take before it is called hung, besides what every run may.
_PATIENCE = 1.5
# So much of what a server answered goes into one line.
_LONGEST_EXAMPLE = 120
# A run that ended so says something of the server.
_MEASURED = (ExitCode.PASS, ExitCode.FAILED, ExitCode.INVALID, ExitCode.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    scenario: str
    base: str | None
    """Address or command; None: the reference server."""
    head: str | None
    """None: the same as base."""
    pairs: int
    max_pairs: int
    tolerances: Mapping[str, float]
    """What is judged, by metric and quantile, and how much it may rise."""
    ready_s: float
    apart: bool
    """Whether one run is to come after the other, even where users could talk in turns."""
    seed: int
    """That of the first pair."""
    flags: dict[str, Any]
    """By key path, as typed."""
    arguments: tuple[str, ...]
    """The same, for ``chatbench run``."""
    out: Path | None = None
    print_json: bool = False


@dataclass(frozen=True, slots=True)
class _Bout:
    """What all runs have in common."""

    wish: Wish
    directory: Path
    settled: Settled
    servers: Mapping[Side, str]
    pinning: Pinning | None
    """Where servers are started here."""
    in_turns: bool
    """Whether the users of a pair talk in turns, instead of one run coming after the other."""
    asked: Asked
    course: Course
    waiting: Waiting

    def shown(self, what: str, planned_s: float, later_s: float = 0.0) -> OnWait:
        """Shows which pair goes on, and what is known by those before it."""
        counting = len(self.course.counting)
        text = f"pair {counting + 1} of up to {self.wish.max_pairs}{what}"
        known = so_far_text(self.course)
        look = self.course.next_look or self.course.looks[-1]
        later_s += (look.pair_count - counting - 1) * (1 if self.in_turns else 2) * planned_s

        def show(spent_s: float) -> None:
            left = left_text(planned_s, spent_s, later_s)
            self.waiting.show(Doing(text, min(1.0, spent_s / planned_s), left, known))

        return show

    @property
    def passed_in_turns(self) -> list[str]:
        """The flags of every run, but those that the scenarios of a pair hold."""
        passed, arguments = [], list(self.wish.arguments)
        while arguments:
            flag = arguments.pop(0)
            value = [arguments.pop(0)] if arguments and not arguments[0].startswith("--") else []
            passed += [] if flag in SETTLED_HERE else [flag, *value]
        return passed


def ab(wish: Wish, environ: Mapping[str, str], command: str) -> ExitCode:
    """Carry out the pairs, and leave a directory with the document; a BenchError before anything starts."""
    settled = _settled(wish, environ)
    refuse_page(settled.run.web, "chatbench ab")
    base = wish.base or shlex.join(command_of_our_server(server_for(settled, None).account_count))
    servers = {Side.BASE: base, Side.HEAD: wish.head or base}
    for address in filter(is_address, dict.fromkeys(servers.values())):
        asyncio.run(check_reachable(base_url_of(address, "--base"), settled.access))
    apart = _why_apart(wish, settled, servers)
    started = datetime.now(UTC)
    directory = wish.out or Path("runs") / f"{started:%Y%m%d-%H%M%S}-ab-{settled.name}"
    store.claim(directory, force=settled.run.force)
    facts = {
        "id": f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        "scenario": settled.name,
        "command": command,
        "started_at": started.isoformat(timespec="milliseconds"),
        "seed": wish.seed,
        "base": line_shown(wish.base or "the reference server"),
        "head": line_shown(wish.head or wish.base or "the reference server"),
        "alike": servers[Side.BASE] == servers[Side.HEAD],
        "pairs_planned": wish.pairs,
        "max_pairs": wish.max_pairs,
        "turn_s": TURN_S if apart is None else None,
    }
    course = Course(_looks(wish), wish.tolerances)
    if wish.max_pairs < FEWEST_PAIRS:
        say(f"below {FEWEST_PAIRS} pairs nothing is said of times: only losses and failures are judged")
    say("in turns of half a second" if apart is None else f"one run after the other: {apart}")
    began_s, waiting = time.monotonic(), Waiting()

    def write() -> Document:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        document = build(facts | {"finished_at": now, "seconds": time.monotonic() - began_s}, course)
        store.write(directory / DOCUMENT_NAME, json.dumps(document, indent=1, allow_nan=False) + "\n")
        return document

    def on_pair() -> None:
        done = len(course.pairs)
        left = (course.next_look or course.looks[-1]).pair_count - len(course.counting)
        # On a terminal the line below says it, and better.
        left_s = None if waiting.is_terminal else left * (time.monotonic() - began_s) / done
        waiting.say(pair_line(write()["pairs"][-1], wish.max_pairs, left_s))

    with interrupts() as asked:
        try:
            pinning = None if all(map(is_address, servers.values())) else separate_cores()
            bout = _Bout(wish, directory, settled, servers, pinning, apart is None, asked, course, waiting)
            with waiting:
                _carry_out(bout, on_pair)
        except InterruptedRunError:
            course.ended = Ended.INTERRUPTED
        except BenchError:
            if not course.pairs:
                _give_back(directory)
            raise
        document = write()
        _leave(document, directory)
    if wish.print_json:
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    else:
        sys.stdout.write("\n".join(["", *lines_of(document), "", f"report  {directory / PAGE_NAME}"]) + "\n")
    sys.stdout.flush()
    github.show(document, markdown_of(document), environ)
    return ExitCode(document["compare"]["exit_code"])


def _settled(wish: Wish, environ: Mapping[str, str]) -> Settled:
    """The scenario as every run will have it, but for the server's address and the seed."""
    flags = dict(wish.flags)
    for side, text in ((Side.BASE, wish.base), (Side.HEAD, wish.head)):
        if text is not None and is_address(text):
            flags["target.url"] = base_url_of(text, f"--{side}")
    # A server that a command starts is as little ours to restart as one at an address.
    flags.setdefault("target.url", "http://127.0.0.1:1")
    settled = settle(wish.scenario, flags, environ)
    refuse(settled.sweep, "chatbench ab")
    refuse_metrics(settled.scenario, wish.scenario, "chatbench ab")
    return settled


def _why_apart(wish: Wish, settled: Settled, servers: Mapping[Side, str]) -> str | None:
    """What keeps the users of a pair from talking in turns; None where nothing does."""
    if wish.apart:
        return "as was asked for"
    if is_address(servers[Side.BASE]) and servers[Side.BASE] == servers[Side.HEAD]:
        return "there is one server, which would have the users of both"
    return why_not(settled)


def _looks(wish: Wish) -> list[Look]:
    counts = [wish.pairs] if wish.pairs == wish.max_pairs else [wish.pairs, wish.max_pairs]
    return [Look(count, error) for count, error in zip(counts, errors_of_looks(ERROR, len(counts)), strict=True)]


def _carry_out(bout: _Bout, on_pair: Callable[[], None]) -> None:
    """Pairs until one of the looks tells, or there are no more; those that cannot be believed are repeated."""
    course = bout.course
    coin = random.Random(bout.wish.seed)
    while (look := course.next_look) is not None:
        while len(course.counting) < look.pair_count:
            course.pairs.append(_pair(bout, len(course.pairs) + 1, coin))
            on_pair()
            if len(course.pairs) - len(course.counting) > _REPEATED * bout.wish.pairs:
                course.ended = Ended.UNBELIEVABLE
                return
        if course.look() is not Whole.CANNOT_TELL:
            course.ended = Ended.DECIDED
            return
    course.ended = Ended.MAX_PAIRS


def _pair(bout: _Bout, number: int, coin: random.Random) -> Pair:
    """Both runs, together or in the order that chance says; ServerFailedError where a server was not there at first."""
    order = coin.sample(list(Side), 2)
    trials = _together(bout, number, order, coin) if bout.in_turns else _apart(bout, number, order)
    return Pair(number, order[0], trials[Side.BASE], trials[Side.HEAD])


def _apart(bout: _Bout, number: int, order: list[Side]) -> dict[Side, Trial]:
    trials = {}
    for side in order:
        try:
            with _serving(bout, side) as server:
                arguments = [bout.wish.scenario, *bout.wish.arguments, *_arguments(bout, number, side, server)]
                planned_s = bout.settled.planned_s
                ending = carry_out(
                    arguments,
                    _PATIENCE * planned_s,
                    bout.asked,
                    bout.shown(f", {side}", planned_s, planned_s * (side is order[0])),
                )
                died = server.died()
            trials[side] = _trial(bout, number, side, ending, died)
        except ServerFailedError as error:
            trials[side] = _gone(number, side, error)
    return trials


def _together(bout: _Bout, number: int, order: list[Side], coin: random.Random) -> dict[Side, Trial]:
    pairs = bout.directory / "pairs"
    pairs.mkdir(exist_ok=True)
    scenarios = scenarios_of(bout.wish.scenario, bout.settled, coin, pairs / f"{number:02d}")
    trials, servers = {}, {}
    with contextlib.ExitStack() as stack:
        for side in order:
            try:
                servers[side] = stack.enter_context(_serving(bout, side))
            except ServerFailedError as error:
                trials[side] = _gone(number, side, error)
        several = [
            [str(scenarios[side]), *bout.passed_in_turns, *_arguments(bout, number, side, server)]
            for side, server in servers.items()
        ]
        planned_s = bout.settled.planned_s + bout.settled.scenario.phases.measure / NS_PER_S
        endings = carry_out_together(several, _PATIENCE * planned_s, bout.asked, VARIABLES, bout.shown("", planned_s))
        deaths = [server.died() for server in servers.values()]
    for side, ending, died in zip(servers, endings, deaths, strict=True):
        try:
            trials[side] = _trial(bout, number, side, ending, died)
        except ServerFailedError as error:
            trials[side] = _gone(number, side, error)
    return trials


def _gone(number: int, side: Side, error: ServerFailedError) -> Trial:
    """There was no server; at first that says that it was never there."""
    if number == 1:
        raise ServerFailedError(f"--{side}: {error}") from None
    return Trial(None, None, (str(error),))


def _arguments(bout: _Bout, number: int, side: Side, server: _Server) -> list[str]:
    """What differs from run to run."""
    return [
        *("--target", server.url, "--seed", str(bout.wish.seed + number - 1)),
        *("--out", str(_run(bout, number, side)), "--quiet", "--no-html", "--no-plots"),
        *(["--force"] if bout.settled.run.force else []),
        *(["--worker-cores", ",".join(map(str, sorted(bout.pinning.generator)))] if bout.pinning else []),
    ]


def _run(bout: _Bout, number: int, side: Side) -> Path:
    return bout.directory / "pairs" / f"{number:02d}-{side}"


def _trial(bout: _Bout, number: int, side: Side, ending: Ending, died: str | None) -> Trial:
    """What a run came to; ServerFailedError where nobody was measured."""
    run = _run(bout, number, side)
    if (run / store.DOCUMENT_NAME).exists() and ending.code in _MEASURED:
        document = store.read_document(run)
        if ending.code == ExitCode.UNREACHABLE and number == 1:
            raise ServerFailedError(f"nobody could log in: {_first_error(document)}")
        return Trial.of(document, str(run.relative_to(bout.directory)), died)
    if ending.code == ExitCode.UNREACHABLE:
        raise ServerFailedError(f"the server ended ({died})" if died is not None else ending.said)
    if ending.code == ExitCode.BAD_INPUT:
        raise InputError(ending.said)
    raise RuntimeError(f"the run in {run} ended with exit code {ending.code}: {ending.said}")


def _first_error(document: Document) -> str:
    told = [f"{error['kind']}: {error['example'][:_LONGEST_EXAMPLE]}" for error in document["errors"]]
    return told[0] if told else "the run does not say why"


@dataclass(frozen=True, slots=True)
class _Server:
    """One side while it serves."""

    url: str
    started: CommandServer | None
    """Where a command starts it."""

    def died(self) -> str | None:
        """How it ended, where it did so before we ended it."""
        how = None if self.started is None else self.started.died()
        if self.started is None or how is None:
            return None
        return f"{how}; it last said: {last_lines(self.started.log) or 'nothing'}"


@contextlib.contextmanager
def _serving(bout: _Bout, side: Side) -> Iterator[_Server]:
    """The server of a side: a fresh one where a command starts it."""
    text = bout.servers[side]
    if is_address(text):
        yield _Server(text, None)
        return
    cores = bout.pinning.server if bout.pinning else None
    with serving(text, bout.directory / f"{side}.log", cores=cores, ready_s=bout.wish.ready_s) as server:
        if bout.asked():
            raise InterruptedRunError
        yield _Server(server.url, server)


def _leave(document: Document, directory: Path) -> None:
    from reports.ab_page import render
    from reports.junit_comparison import junit_of_comparison

    store.write(directory / PAGE_NAME, render(document))
    store.write(directory / "summary.md", markdown_of(document))
    store.write(directory / "junit.xml", junit_of_comparison(document))


def _give_back(directory: Path) -> None:
    """Leave nothing of pairs that never began, but what a server said."""
    for side in Side:
        with contextlib.suppress(OSError):
            log = directory / f"{side}.log"
            if not log.stat().st_size:
                log.unlink()
    for folder in (directory / "pairs", directory):
        with contextlib.suppress(OSError):  # not there, or not empty
            folder.rmdir()
