"""``chatbench run`` of a scenario with a sweep: a run for each value, one after the other, and one document of them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadgen.errors import InputError, TargetUnreachableError
from reports import store, sweep_markdown
from reports.budgets import Document, ExitCode
from reports.sweep import Ended, Row, build, head_line, headline, name_of, row_line, width_of
from reports.terminal import Doing, Waiting, left_text
from scenarios import github
from scenarios.catalogue import catalogue
from scenarios.diary import Diary
from scenarios.endpoint import refuse_page
from scenarios.exporter import check_for_several
from scenarios.layers import FLAGS, Origin
from scenarios.probing import Asked, Ending, InterruptedRunError, OnWait, carry_out, interrupts, say
from scenarios.run_directory import REPORT_NAME, run_directory
from scenarios.settle import Settled
from scenarios.toml_text import toml_text

DOCUMENT_NAME, PAGE_NAME = "sweep.json", "sweep.html"
# Where the file of each row is.
SCENARIOS_NAME = "scenarios"
# How much longer than by its plan a run may take before it is called hung, besides what every run may.
PATIENCE = 1.5

# Of the sweep as a whole.
_NOT_OF_A_ROW = frozenset({"--out", "--force", "--json", "--quiet", "--events"})
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for on the command line."""

    scenario: str
    arguments: tuple[str, ...]
    """Flags that hold for every row, as ``chatbench run`` takes them."""
    command: str


@dataclass(slots=True)
class _State:
    facts: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    first: Document | None = None
    ended: Ended = Ended.INTERRUPTED
    """What is true of a document until the last row is there."""


def arguments_of(flags: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of ``flags``, by key path as typed, that hold for every row, as ``chatbench run`` takes them."""
    arguments: list[str] = []
    for flag in FLAGS:
        value = flags.get(flag.key)
        if value is None or flag.name in _NOT_OF_A_ROW:
            continue
        if isinstance(value, bool):
            arguments.append(flag.name if value else flag.name.replace("--", "--no-", 1))
            continue
        items = [f"{name}: {text}" for name, text in value.items()] if isinstance(value, dict) else value
        for item in items if isinstance(items, list) else [items]:
            arguments += [flag.name, item]
    return tuple(arguments)


def carry_out_sweep(settled: Settled, request: Request) -> ExitCode:
    """Every run, and a directory with the document; a BenchError before anything starts."""
    sweep, run = settled.sweep, settled.run
    assert sweep is not None, "asked of a sweep"
    settled.check_target()
    check_for_several(run.prometheus_port)
    refuse_page(run.web, "a sweep")
    started = datetime.now(UTC)
    directory = run_directory(settled, started)
    store.claim(directory, force=run.force)
    if run.events is not None:
        _begin_events(Path(run.events), directory)
    state = _State(
        {
            "id": f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
            "scenario": settled.name,
            "summary": settled.summary,
            "command": request.command,
            "started_at": started.isoformat(timespec="milliseconds"),
            "key": sweep.key,
            "values": list(sweep.values),
        }
    )
    began_s = time.monotonic()
    with interrupts() as asked:
        try:
            with Waiting(shows=not run.quiet) as waiting:
                _run_all(settled, request, directory, state, began_s, asked, waiting)
        except TargetUnreachableError:
            _give_back(directory)
            raise
        document = _write(directory, state, began_s)
        from reports.sweep_page import render

        store.write(directory / PAGE_NAME, render(document, REPORT_NAME if run.html else store.DOCUMENT_NAME))
    if not run.quiet:
        Waiting().say("", str(headline(document)))
        say("", f"report  {directory / PAGE_NAME}")
    github.show(document, sweep_markdown.render(document), os.environ)
    if run.print_json:
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
        sys.stdout.flush()
    return ExitCode(document["sweep"]["exit_code"])


def _begin_events(path: Path, directory: Path) -> None:
    """The file of events anew, into which one row after the other writes; each begins with ``run_started``."""
    try:
        Diary(path)
    except InputError:
        with contextlib.suppress(OSError):  # not empty: what is in it was there before
            directory.rmdir()
        raise


def _run_all(
    settled: Settled,
    request: Request,
    directory: Path,
    state: _State,
    began_s: float,
    asked: Asked,
    waiting: Waiting,
) -> None:
    """A row after the other; the document is written after each, lest one that comes later costs those before."""
    sweep = settled.sweep
    assert sweep is not None, "asked of a sweep"
    width = width_of(sweep.values, sweep.key)
    if not settled.run.quiet:
        waiting.say(head_line(sweep.key, width))
    for number, one in enumerate(settled.runs):
        if asked():
            return
        name = f"{number + 1:02d}-{_in_a_name(sweep.values[number])}"
        scenario = scenario_of(request.scenario, settled, number, directory)
        arguments = [str(scenario), *request.arguments, "--out", str(directory / name), "--quiet"]
        if settled.run.force:
            arguments.append("--force")
        if settled.run.events is not None:
            arguments += ["--events", settled.run.events, "--add-events"]
        if one.rows["run.plots"]["origin"] == Origin.DEFAULT:
            arguments.append("--no-plots")  # the page of each run has its pictures, and files of them take seconds
        try:
            ending = carry_out(arguments, PATIENCE * one.planned_s, asked, _shown(settled, number, waiting))
        except InterruptedRunError:
            return
        document = _document_of(ending, directory / name, state, directory)
        if document is None:
            state.ended = Ended.UNREACHABLE
            return
        row = Row.of(document, sweep.values[number], ending.code, name)
        state.rows.append(row)
        state.first = state.first or document
        _write(directory, state, began_s)
        if not settled.run.quiet:
            waiting.say(row_line(asdict(row), width))
    state.ended = Ended.DONE


def _shown(settled: Settled, number: int, waiting: Waiting) -> OnWait:
    """Shows which row goes on, and how long it and those after it still take by their plans."""
    sweep, planned_s = settled.sweep, settled.runs[number].planned_s
    assert sweep is not None, "asked of a sweep"
    later_s = sum(each.planned_s for each in settled.runs[number + 1 :])
    what = f"{number + 1} of {len(settled.runs)}: {sweep.key} {name_of(sweep.values[number])}"

    def show(spent_s: float) -> None:
        left = left_text(planned_s, spent_s, later_s)
        waiting.show(Doing(what, min(1.0, spent_s / planned_s), left))

    return show


def _document_of(ending: Ending, run: Path, state: _State, directory: Path) -> Document | None:
    """What a run has left behind; None where nobody answered any more, and a BenchError where nobody ever did."""
    is_there = (run / store.DOCUMENT_NAME).exists()
    if is_there and ending.code in (ExitCode.PASS, ExitCode.FAILED, ExitCode.INVALID, ExitCode.UNREACHABLE):
        return store.read_document(run)
    if ending.code == ExitCode.UNREACHABLE:
        if state.rows:
            say(ending.said)
            return None
        raise TargetUnreachableError(ending.said or "the target cannot be reached")
    if ending.code == ExitCode.BAD_INPUT:
        raise InputError(ending.said)
    raise RuntimeError(f"the run in {run} ended with exit code {ending.code}: {ending.said}")


def _give_back(directory: Path) -> None:
    """Leave nothing of a sweep that never began."""
    for path in (directory / SCENARIOS_NAME).iterdir():
        path.unlink()
    for folder in (directory / SCENARIOS_NAME, directory):
        with contextlib.suppress(OSError):  # not empty: what else is in it was there before
            folder.rmdir()


def scenario_of(base: str, settled: Settled, number: int, directory: Path) -> Path:
    """The file of one row, made in ``directory``: it extends the scenario, and can be run by itself."""
    sweep = settled.sweep
    assert sweep is not None, "asked of a sweep"
    value = sweep.values[number]
    extended = base if base in catalogue() else str(Path(base).resolve())
    folder = directory / SCENARIOS_NAME
    folder.mkdir(exist_ok=True)
    path = folder / f"{settled.name}-{number + 1:02d}-{_in_a_name(value)}.toml"
    store.write(path, f"extends = {toml_text(extended)}\n{sweep.key} = {toml_text(value)}\n")
    return path


def _in_a_name(value: object) -> str:
    """A value as the name of a file may have it."""
    text = value if isinstance(value, str) else toml_text(value)
    return _NOT_IN_A_NAME.sub("-", text)[:_LONGEST_NAME].strip("-.") or "value"


def _write(directory: Path, state: _State, began_s: float) -> Document:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    facts = state.facts | {"finished_at": now, "seconds": time.monotonic() - began_s}
    document = build(facts, state.rows, state.ended, state.first)
    store.write(directory / DOCUMENT_NAME, json.dumps(document, indent=1, allow_nan=False) + "\n")
    return document
