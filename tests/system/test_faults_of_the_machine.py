"""Disks that are full, read-only or gone: one line says so, and as much of the run is kept as can be."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.benches import (
    CHATBENCH,
    FAST_SERVER,
    FEW,
    RELAY_DIALECT,
    Bench,
    at,
    bench,
    books_close,
    chatbench,
    code_of,
)
from tests.support.patience import PATIENCE_S
from tests.support.programs import Listening, listening

pytestmark = [pytest.mark.system, pytest.mark.faults]

SHORT = (*FEW, "--duration", "500ms", "--drain", "200ms")
ONE_AND_TWO = pytest.mark.parametrize("processes", ["1", "2"], ids=["one process", "two processes"])


@pytest.fixture(scope="module")
def relay() -> Iterator[Listening]:
    with listening(FAST_SERVER) as server:
        yield server


@contextmanager
def mounted(directory: Path, options: str) -> Iterator[None]:
    """A file system of its own at ``directory``; the test is skipped where that takes rights we do not have."""
    directory.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "chatbench-tests", str(directory)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system here")
    try:
        yield
    finally:
        # Lazily: whoever still has a file open there keeps it, and nobody else sees it.
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(directory: Path) -> None:
    """Leave not a byte free."""
    with suppress(OSError), (directory / "ballast").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def lost(running: Bench, why: str) -> None:
    """The run has ended without its document: it says so in one line, tells its figures, and does not claim to pass."""
    assert running.finish(PATIENCE_S) == 1, running.all_said()
    assert running.processes() == []
    said = running.all_said()
    assert f"chatbench: cannot write run/result.json, run/summary.md, run/junit.xml, run/series.csv: {why}\n" in said
    assert "delivery time p50" in said
    assert "Traceback" not in said
    assert not (running.directory / "result.json").exists()


def test_a_full_disk_is_known_before_the_start(tmp_path: Path) -> None:
    """A run whose result would find no room is not carried out (104)."""
    with mounted(tmp_path / "run", "size=64k"):
        ended = chatbench("run", *SHORT, "--out", "run", cwd=tmp_path)

        assert (ended.returncode, ended.stdout) == (104, "")
        assert ended.stderr == "chatbench: run: cannot write there: No space left on device\n"
        assert list((tmp_path / "run").iterdir()) == []


@ONE_AND_TWO
def test_a_disk_that_fills_up_meanwhile_is_told_in_one_line(processes: str, relay: Listening, tmp_path: Path) -> None:
    """The figures are on the terminal; a verdict without a document is none (1)."""
    load = (*SHORT, "--processes", processes, *at(relay.url, RELAY_DIALECT))
    with mounted(tmp_path / "run", "size=4m"), bench(*load, cwd=tmp_path) as running:
        running.wait_for("starting")
        fill(tmp_path / "run")

        lost(running, "No space left on device")
        assert {path.name for path in (tmp_path / "run").iterdir()} == {"run.log", "ballast"}


@ONE_AND_TWO
def test_a_disk_that_becomes_read_only_is_told_in_one_line(processes: str, relay: Listening, tmp_path: Path) -> None:
    """As a file system does at its first bad block."""
    load = (*SHORT, "--processes", processes, *at(relay.url, RELAY_DIALECT))
    with bench(*load, cwd=tmp_path) as running:
        running.wait_for("starting")
        with mounted(tmp_path / "run", "ro"):
            lost(running, "Read-only file system")


def test_a_run_directory_that_is_replaced_is_told_in_one_line(relay: Listening, tmp_path: Path) -> None:
    """By a file, of all things."""
    with bench(*SHORT, *at(relay.url, RELAY_DIALECT), cwd=tmp_path) as running:
        running.wait_for("starting")
        (tmp_path / "run").rename(tmp_path / "elsewhere")
        (tmp_path / "run").write_text("mine", encoding="utf-8")

        lost(running, "Not a directory")
        assert (tmp_path / "run").read_text(encoding="utf-8") == "mine"


def test_pictures_without_a_place_cost_nothing_else(relay: Listening, tmp_path: Path) -> None:
    """The verdict stands on the document, which is written first. To draw them again is bad input: 104."""
    with bench(*SHORT, *at(relay.url, RELAY_DIALECT), cwd=tmp_path, pictures=True) as running:
        running.wait_for("starting")
        (tmp_path / "run" / "plots").write_text("mine", encoding="utf-8")
        (tmp_path / "run" / "report.html").mkdir()

        document = running.ends_with(0, 97)

    why = "chatbench: cannot write run/plots: File exists; cannot write run/report.html: Is a directory\n"
    texts = {"result.json", "summary.md", "junit.xml", "series.csv", "run.log"}
    assert running.finish() == code_of(document, otherwise=0)
    assert running.all_said().endswith(why)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"plots", "report.html", *texts}

    again = chatbench("report", "run", cwd=tmp_path)

    assert (again.returncode, again.stdout, again.stderr) == (104, "", why)


def test_events_that_cannot_be_written_do_not_end_a_run(relay: Listening, tmp_path: Path) -> None:
    """Said once, at the end; the verdict is not touched by it."""
    load = (*SHORT, "--events", "/dev/full", *at(relay.url, RELAY_DIALECT))
    with bench(*load, cwd=tmp_path) as running:
        document = running.ends_with(0, 97)

    assert running.finish() == code_of(document, otherwise=0)
    assert running.all_said().count("chatbench: cannot write /dev/full: No space left on device\n") == 1


@pytest.mark.parametrize(("stream", "flags"), [("2", ()), ("1", ("--json",))], ids=["stderr", "stdout"])
def test_nobody_listening_costs_no_run(stream: str, flags: tuple[str, ...], relay: Listening, tmp_path: Path) -> None:
    """A log on a full disk is no reason to stop. Where the document was to be printed, its absence is told (1)."""
    program = ("sh", "-c", f'exec "$0" "$@" {stream}> /dev/full', CHATBENCH)
    with bench(*SHORT, *at(relay.url, RELAY_DIALECT), *flags, cwd=tmp_path, program=program) as running:
        code = running.finish(PATIENCE_S)

        assert running.processes() == []
        assert books_close(running.document)
        assert code == (1 if flags else code_of(running.document, otherwise=0))
        if flags:
            assert running.all_said().endswith("chatbench: cannot write /dev/stdout: No space left on device\n")
