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
from reports import store
from reports.ab import Course, Ended, build
from reports.ab_texts import lines_of, markdown_of, pair_line
from reports.budgets import Document, ExitCode
from reports.compare import Whole
from reports.inference import FEWEST_PAIRS, errors_of_looks
from reports.power import Look
from reports.trials import Pair, Side, Trial
from scenarios import github
from scenarios.incidents import server_for
from scenarios.pinning import Pinning, separate_cores
from scenarios.probing import Asked, InterruptedRunError, carry_out, interrupts, say
from scenarios.servers import CommandServer, ServerFailedError, is_address, last_lines, serving
from scenarios.settle import Settled, base_url_of, settle
from scenarios.sweep import refuse
from scenarios.target import check_reachable, command_of_our_server

DOCUMENT_NAME, PAGE_NAME = "ab.json", "ab.html"
# The same share of all judgements of systems that are alike as a comparison's.
ERROR = 0.05
# So many runs that cannot be believed are repeated, as a share of all that are planned.
_REPEATED = 0.5
# How much longer than by its plan a run may take before it is called hung, besides what every run may.
_PATIENCE = 1.5
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
    asked: Asked


def ab(wish: Wish, environ: Mapping[str, str], command: str) -> ExitCode:
    """Carry out the pairs, and leave a directory with the document; a BenchError before anything starts."""
    settled = _settled(wish, environ)
    base = wish.base or shlex.join(command_of_our_server(server_for(settled, None).account_count))
    servers = {Side.BASE: base, Side.HEAD: wish.head or base}
    for address in filter(is_address, dict.fromkeys(servers.values())):
        asyncio.run(check_reachable(base_url_of(address, "--base")))
    started = datetime.now(UTC)
    directory = wish.out or Path("runs") / f"{started:%Y%m%d-%H%M%S}-ab-{settled.name}"
    store.claim(directory, force=settled.run.force)
    facts = {
        "id": f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        "scenario": settled.name,
        "command": command,
        "started_at": started.isoformat(timespec="milliseconds"),
        "seed": wish.seed,
        "base": wish.base or "the reference server",
        "head": wish.head or wish.base or "the reference server",
        "alike": servers[Side.BASE] == servers[Side.HEAD],
        "pairs_planned": wish.pairs,
        "max_pairs": wish.max_pairs,
    }
    course = Course(_looks(wish), wish.tolerances)
    if wish.max_pairs < FEWEST_PAIRS:
        say(f"below {FEWEST_PAIRS} pairs nothing is said of times: only losses and failures are judged")
    began_s = time.monotonic()

    def write() -> Document:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        document = build(facts | {"finished_at": now, "seconds": time.monotonic() - began_s}, course)
        store.write(directory / DOCUMENT_NAME, json.dumps(document, indent=1, allow_nan=False) + "\n")
        return document

    def on_pair() -> None:
        done = len(course.pairs)
        left = (course.next_look or course.looks[-1]).pair_count - len(course.counting)
        say(pair_line(write()["pairs"][-1], wish.max_pairs, left * (time.monotonic() - began_s) / done))

    with interrupts() as asked:
        try:
            pinning = None if all(map(is_address, servers.values())) else separate_cores()
            _carry_out(_Bout(wish, directory, settled, servers, pinning, asked), course, on_pair)
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
    return settled


def _looks(wish: Wish) -> list[Look]:
    counts = [wish.pairs] if wish.pairs == wish.max_pairs else [wish.pairs, wish.max_pairs]
    return [Look(count, error) for count, error in zip(counts, errors_of_looks(ERROR, len(counts)), strict=True)]


def _carry_out(bout: _Bout, course: Course, on_pair: Callable[[], None]) -> None:
    """Pairs until one of the looks tells, or there are no more; those that cannot be believed are repeated."""
    coin = random.Random(bout.wish.seed)
    while (look := course.next_look) is not None:
        while len(course.counting) < look.pair_count:
            first = coin.choice((Side.BASE, Side.HEAD))
            course.pairs.append(_pair(bout, len(course.pairs) + 1, first))
            on_pair()
            if len(course.pairs) - len(course.counting) > _REPEATED * bout.wish.pairs:
                course.ended = Ended.UNBELIEVABLE
                return
        if course.look() is not Whole.CANNOT_TELL:
            course.ended = Ended.DECIDED
            return
    course.ended = Ended.MAX_PAIRS


def _pair(bout: _Bout, number: int, first: Side) -> Pair:
    trials = {}
    for side in (first, Side.HEAD if first is Side.BASE else Side.BASE):
        try:
            trials[side] = _trial(bout, number, side)
        except ServerFailedError as error:
            if number == 1:
                raise ServerFailedError(f"--{side}: {error}") from None
            trials[side] = Trial(None, None, (str(error),))
    return Pair(number, first, trials[Side.BASE], trials[Side.HEAD])


def _trial(bout: _Bout, number: int, side: Side) -> Trial:
    """One run, against a fresh server where a command starts it; ServerFailedError where there was none."""
    wish, log = bout.wish, bout.directory / f"{side}.log"
    run = bout.directory / "pairs" / f"{number:02d}-{side}"
    with _serving(bout, side, log) as (url, server):
        if bout.asked():
            raise InterruptedRunError
        arguments = [
            *(wish.scenario, *wish.arguments, "--target", url, "--seed", str(wish.seed + number - 1)),
            *("--out", str(run), "--quiet", "--no-html", "--no-plots"),
            *(["--force"] if bout.settled.run.force else []),
            *(["--worker-cores", ",".join(map(str, sorted(bout.pinning.generator)))] if bout.pinning else []),
        ]
        ending = carry_out(arguments, _PATIENCE * bout.settled.planned_s, bout.asked)
        died = None if server is None else server.died()
    if died is not None:
        died = f"{died}; it last said: {last_lines(log) or 'nothing'}"
    if (run / store.DOCUMENT_NAME).exists() and ending.code in _MEASURED:
        return Trial.of(store.read_document(run), str(run.relative_to(bout.directory)), died)
    if ending.code == ExitCode.UNREACHABLE:
        raise ServerFailedError(f"the server ended ({died})" if died is not None else ending.said)
    if ending.code == ExitCode.BAD_INPUT:
        raise InputError(ending.said)
    raise RuntimeError(f"the run in {run} ended with exit code {ending.code}: {ending.said}")


@contextlib.contextmanager
def _serving(bout: _Bout, side: Side, log: Path) -> Iterator[tuple[str, CommandServer | None]]:
    """Where the server of a side is, and the server itself where a command starts it."""
    text = bout.servers[side]
    if is_address(text):
        yield text, None
        return
    cores = bout.pinning.server if bout.pinning else None
    with serving(text, log, cores=cores, ready_s=bout.wish.ready_s) as server:
        yield server.url, server


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
