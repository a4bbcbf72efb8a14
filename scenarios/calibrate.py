"""``chatbench calibrate``: how far our figures are from the truth on this machine, kept for all later runs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from loadgen.engine.limits import raise_open_files_limit
from loadgen.errors import InputError
from reports import calibration, calibration_summary, store
from reports.budgets import Document, ExitCode, Verdict
from reports.terminal import Waiting
from scenarios.calibration_extent import FULL, QUICK
from scenarios.calibration_runs import Place
from scenarios.calibration_store import default_path
from scenarios.calibration_story import Story
from scenarios.kept_folder import kept_folder
from scenarios.outputs import check_writable
from scenarios.pinning import separate_cores
from scenarios.probing import say
from scenarios.signals import Requests, that_ask_to_end


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    quick: bool = False
    out: Path | None = None
    """Where the document goes; None: where later runs look for it."""
    print_json: bool = False


def calibrate(wish: Wish) -> ExitCode:
    """Calibrate, and leave the document and its page; KeyboardInterrupt, and nothing left, when interrupted."""
    path = _claimed(wish)
    raise_open_files_limit()
    try:
        document = asyncio.run(_calibrated(wish))
    except asyncio.CancelledError:
        say("interrupted: nothing is kept")
        raise KeyboardInterrupt from None
    attempts = store.Attempts()
    with attempts.writing(path):
        store.write(path, json.dumps(document, indent=1, allow_nan=False) + "\n")
    page_path = path.with_suffix(".html")
    with attempts.writing(page_path):
        from reports.calibration_page import render

        store.write(page_path, render(document))
    say("", *calibration_summary.lines_of(document), "", f"report  {page_path}")
    if wish.print_json:
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
        sys.stdout.flush()
    if (complaint := attempts.complaint()) is not None:
        raise store.UnwrittenError(complaint)
    return {Verdict.PASS: ExitCode.PASS, Verdict.FAIL: ExitCode.FAILED, Verdict.INVALID: ExitCode.INVALID}[
        Verdict(document["verdict"])
    ]


def _claimed(wish: Wish) -> Path:
    if wish.out is not None:
        check_writable(str(wish.out), "--out")
        if wish.out.suffix == ".html":
            raise InputError(f"--out: expected the path of a JSON file, whose page lies beside it, got {wish.out}")
        return wish.out
    path = default_path(os.environ)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise store.UnwrittenError(f"{path.parent}: cannot make the directory: {error.strerror}") from None
    check_writable(str(path), "--out")
    return path


async def _calibrated(wish: Wish) -> Document:
    task = asyncio.current_task()
    assert task is not None, "we are in one"
    requests = Requests()

    def ask(number: int) -> None:
        if requests.is_new(number):
            task.cancel()

    for number in that_ask_to_end():
        asyncio.get_running_loop().add_signal_handler(number, ask, number)
    pinning = separate_cores()
    with kept_folder() as folder:
        place = Place(folder, pinning.server if pinning else None, pinning.generator if pinning else None)
        extent = QUICK if wish.quick else FULL
        with Waiting() as waiting:
            return calibration.build(await Story(place, extent, quick=wish.quick, waiting=waiting).told())
