"""Carries out the runs of an exhibit in an empty directory, and draws its page from a document without our names."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import CHATBENCH, BenchmarkError
from benchmarks.gallery.exhibits import Exhibit
from benchmarks.gallery.neutral import named_in, neutral
from reports import ab_page, capacity_page, page
from reports.budgets import Document
from tests.support.programs import listening

_RENDER = {"report.html": page.render, "capacity.html": capacity_page.render, "ab.html": ab_page.render}
_WORTH_ANOTHER_TRY_S = 120.0


class Clock:
    """How much is left of the time for all of it."""

    def __init__(self, limit_s: float) -> None:
        self._end_s = time.monotonic() + limit_s

    @property
    def left_s(self) -> float:
        return self._end_s - time.monotonic()


@dataclass(frozen=True, slots=True)
class Made:
    """A page, and what is said of it."""

    exhibit: Exhibit
    arguments: tuple[str, ...]
    """Of ``chatbench``, as the exhibit has them, or as a rehearsal had."""
    document: Document
    html: str


def make(exhibit: Exhibit, folder: Path, clock: Clock, *, quick: bool) -> Made:
    """Carry it out below ``folder``; BenchmarkError where it did not show what it is to show, the second time either.

    A rehearsal (``quick``) shows whatever comes of it.
    """
    try:
        return _made(exhibit, folder / exhibit.name, quick=quick, limit_s=clock.left_s)
    except BenchmarkError as error:
        if clock.left_s < _WORTH_ANOTHER_TRY_S:
            raise
        print(f"{error}; once more", flush=True)
        return _made(exhibit, folder / f"{exhibit.name}-again", quick=quick, limit_s=clock.left_s)


def _made(exhibit: Exhibit, place: Path, *, quick: bool, limit_s: float) -> Made:
    place.mkdir()
    arguments = (*exhibit.arguments, *(exhibit.quick if quick else ()))
    for name, text in exhibit.files.items():
        (place / name).write_text(text, encoding="utf-8")
    with contextlib.ExitStack() as stack:
        target = ""
        if exhibit.server:
            command = [sys.executable, "-P", "-m", *exhibit.server, "--port", "0", "--exit-with-stdin"]
            with contextlib.chdir(place):
                target = stack.enter_context(listening(command)).url
        typed = [argument.replace("{target}", target) for argument in arguments]
        _carry_out(exhibit, typed, place, quick=quick, limit_s=limit_s)
    document = json.loads((place / "out" / exhibit.document).read_text(encoding="utf-8"))
    doubts = [doubt["code"] for doubt in document.get("doubts") or []]
    if exhibit.doubt and exhibit.doubt not in doubts and not quick:
        raise BenchmarkError(f"{exhibit.name}: doubted for {', '.join(doubts) or 'nothing'}, and not {exhibit.doubt}")
    paths = [str(place), str(place.parent), str(Path(sys.prefix)), str(Path.cwd())]
    document = neutral(document, paths)
    html = _RENDER[exhibit.page](document)
    left = named_in(html, [*paths, str(Path.home())])
    if left:
        raise BenchmarkError(f"{exhibit.name}: its page still names {', '.join(left)}")
    return Made(exhibit, arguments, document, html)


def _carry_out(exhibit: Exhibit, arguments: list[str], place: Path, *, quick: bool, limit_s: float) -> None:
    command = ["chatbench", *arguments, "--out", "out"]
    if exhibit.arguments[0] == "run":
        command += ["--quiet", "--no-html", "--no-plots"]
    path = f"{CHATBENCH.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        done = subprocess.run(
            command,
            executable=str(CHATBENCH),
            cwd=place,
            env={**os.environ, "PATH": path},
            check=False,
            capture_output=True,
            text=True,
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{exhibit.name}: not over within {limit_s:.0f} s") from error
    if not (place / "out" / exhibit.document).is_file() or (done.returncode not in exhibit.exits and not quick):
        wanted = " or ".join(map(str, exhibit.exits))
        last = (done.stderr.strip() or done.stdout.strip() or "without a word").splitlines()[-1]
        raise BenchmarkError(
            f"{exhibit.name}: ended with {done.returncode} instead of {wanted}: {last}; is the machine quiet?"
        )
