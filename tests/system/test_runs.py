"""Whole runs through the real command: what they print, what they leave behind, and that they are right."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from scenarios.catalogue import catalogue
from scenarios.cli import main
from tests.support.benches import (
    CHATBENCH,
    FAST_SERVER,
    RELAY_DIALECT,
    bench,
    books_close,
    chatbench,
    code_of,
    document_in,
    errors_of,
    unless_starved,
)
from tests.support.programs import Listening, listening
from tests.support.server_process import server_process

pytestmark = pytest.mark.system

# It has to pass, and so needs a machine that is at ease; what others count is the same on a busy one.
ALONE = pytest.mark.alone

# At 40 messages a second both sides are at ease.
SHORT = ("smoke", "--users", "9", "--rate", "40", "--warmup", "200ms", "--duration", "1s", "--drain", "500ms")
BARE = ("--no-plots", "--no-html", "--quiet")
PICTURES = {
    "connections.png",
    "delivery_distribution.png",
    "delivery_over_time.png",
    "fanout.png",
    "generator_and_server.png",
    "setup_times.png",
    "throughput.png",
}


@pytest.fixture(scope="module")
def served() -> Iterator[Listening]:
    """The reference server, started as a user would."""
    with listening([CHATBENCH, "serve", "--port", "0", "--accounts", "20", "--exit-with-stdin"]) as server:
        yield server


def run_shortly(
    *arguments: str, cwd: Path, only_counts: bool = True, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A short run into ``cwd/run``; what it said."""
    ended: subprocess.CompletedProcess[str]

    def attempt() -> tuple[int, dict[str, Any]]:
        nonlocal ended
        ended = chatbench("run", *SHORT, *arguments, "--out", "run", "--force", cwd=cwd, **variables)
        return ended.returncode, document_in(cwd / "run")

    unless_starved(attempt, only_counts=only_counts)
    return ended


def a_short_run(cwd: Path, *arguments: str, seed: int = 1) -> dict[str, Any]:
    """The document of a short run in which nothing was lost; it has passed, unless this machine was too busy."""
    ended = run_shortly(*BARE, "--seed", str(seed), *arguments, cwd=cwd)
    document = document_in(cwd / "run")
    counts = document["counters"]
    assert (ended.returncode, ended.stderr) == (code_of(document, 0), "")
    assert document["verdict"] == ("pass" if ended.returncode == 0 else "invalid")
    assert books_close(document)
    assert counts["deliveries_received"] == counts["deliveries_expected"] > 0
    assert counts["messages_sent"] == counts["messages_due"] > 0
    assert errors_of(document) == {}
    assert document["metrics"]["delivery_time"]["count"] == counts["deliveries_received"]
    return document


# --- against the embedded server ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run with everything that can be written: its directory and what went to stderr."""
    cwd = tmp_path_factory.mktemp("smoke")
    # An ack waits for the disk, and that can take long where others use it.
    ended = run_shortly("--drain", "3s", cwd=cwd, only_counts=False)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    return cwd / "run", ended.stderr


@ALONE
def test_a_run_leaves_its_directory(smoke: tuple[Path, str]) -> None:
    """The document, the page, the summary, the pictures and the log; nothing half-written."""
    directory, _ = smoke

    assert {path.name for path in directory.iterdir()} == {
        "result.json",
        "report.html",
        "summary.md",
        "junit.xml",
        "series.csv",
        "plots",
        "run.log",
    }
    assert {path.name for path in (directory / "plots").iterdir()} == PICTURES
    assert all(path.stat().st_size for path in directory.rglob("*.*"))
    assert "Traceback" not in (directory / "run.log").read_text(encoding="utf-8")


@ALONE
def test_a_run_on_an_easy_server_delivers_everything_and_passes(smoke: tuple[Path, str]) -> None:
    """Its books close; two rooms of nine users have five and four members."""
    document = document_in(smoke[0])
    counts = document["counters"]

    assert document["verdict"] == "pass"
    assert document["run"]["interrupted"] is False
    assert document["run"]["ended_early"] is None
    assert [phase["name"] for phase in document["phases"]] == [
        *("login", "connect", "join"),
        *("warmup", "measure", "drain"),
    ]
    assert books_close(document)
    assert 4 * counts["messages_sent"] <= counts["deliveries_expected"] <= 5 * counts["messages_sent"]
    assert counts["deliveries_received"] == counts["deliveries_expected"]
    assert counts["acks_received"] == counts["messages_sent"] == counts["messages_due"] > 0
    assert counts["connections_opened"] == counts["users_planned"] == 9
    for name in ("login_time", "connect_time", "join_time"):
        assert document["metrics"][name]["count"] == 9
    assert document["target"]["owned"] is True
    assert document["server"]["cpu_ratio"] > 0
    assert document["plan"]["users.count"] == {"value": 9, "origin": "flag"}
    assert document["plan"]["users.rooms.count"] == {"value": 2, "origin": "file"}


@ALONE
def test_a_run_says_on_stderr_what_it_came_to_and_where_to_read_on(smoke: tuple[Path, str]) -> None:
    """Standard output stays free: the fixture has seen that it was empty."""
    _, said = smoke

    assert "\nPASS  " in said
    assert said.rstrip().endswith("report  run/report.html")
    assert "\x1b" not in said


@ALONE
def test_a_report_can_be_drawn_again(smoke: tuple[Path, str]) -> None:
    """From result.json alone; the same page comes of it."""
    directory, _ = smoke
    page = directory / "report.html"
    before = page.read_text(encoding="utf-8")
    page.unlink()
    (directory / "plots" / "throughput.png").unlink()

    ended = chatbench("report", "run", cwd=directory.parent)

    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.rstrip().endswith("report  run/report.html")
    assert page.read_text(encoding="utf-8") == before
    assert {path.name for path in (directory / "plots").iterdir()} == PICTURES


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    """Neither the worker nor the embedded server."""
    with bench(*SHORT, "--quiet", cwd=tmp_path) as running:
        assert running.finish() in (0, 97)
        assert running.processes() == []


def test_one_seed_gives_the_same_run(served: Listening, tmp_path: Path) -> None:
    """What is random is settled by the seed: the same messages are due, sent and expected, on any server."""
    counted = ("messages_due", "messages_sent", "deliveries_expected", "deliveries_received", "deliveries_lost")

    def counts(*arguments: str, seed: int) -> dict[str, int]:
        document = a_short_run(tmp_path, *arguments, seed=seed)
        return {name: document["counters"][name] for name in counted}

    first = counts("--target", served.url, seed=1)

    assert counts(seed=1) == first
    assert counts("--target", served.url, seed=2) != first


# --- against servers that are there already -----------------------------------------------------------------


def test_json_is_the_document_and_all_there_is_on_stdout(served: Listening, tmp_path: Path) -> None:
    """The same as in result.json, so that a script needs no file."""
    ended = run_shortly(*BARE, "--json", "--target", served.url, cwd=tmp_path)
    document = document_in(tmp_path / "run")

    assert (ended.returncode, ended.stderr) == (code_of(document, 0), "")
    assert json.loads(ended.stdout) == document
    texts = {"result.json", "summary.md", "junit.xml", "series.csv", "run.log"}
    assert {path.name for path in (tmp_path / "run").iterdir()} == texts


def test_quiet_prints_nothing(served: Listening, tmp_path: Path) -> None:
    """On neither stream; a variable does the same as the flag."""
    url = served.url.replace("http", "ws", 1)
    ended = run_shortly("--no-plots", "--no-html", "--target", url, cwd=tmp_path, CHATBENCH_QUIET="true")

    document = document_in(tmp_path / "run")
    assert (ended.returncode, ended.stdout, ended.stderr) == (code_of(document, 0), "", "")
    assert document["target"]["url"] == served.url
    assert document["target"]["owned"] is False
    assert document["server"] is None
    assert document["plan"]["run.quiet"] == {"value": True, "origin": "env"}


def test_plain_text_reaches_everyone(served: Listening, tmp_path: Path) -> None:
    """Login, then bare texts: one room for all, no join and no acknowledgement."""
    document = a_short_run(tmp_path, "--dialect", "plain", "--rooms", "1", "--target", served.url)
    counts = document["counters"]

    assert counts["deliveries_expected"] == 9 * counts["messages_sent"]
    assert document["metrics"]["login_time"]["count"] == 9
    assert document["metrics"]["join_time"]["count"] == 0
    assert counts["acks_received"] == 0


def test_an_echo_reaches_its_sender(served: Listening, tmp_path: Path) -> None:
    """One delivery a message, without login."""
    document = a_short_run(tmp_path, "--dialect", "echo", "--rooms", "1", "--target", served.url)
    counts = document["counters"]

    assert counts["deliveries_expected"] == counts["messages_sent"]
    assert document["metrics"]["login_time"]["count"] == 0


def test_a_dialect_file_is_enough_for_a_server_of_any_kind(tmp_path: Path) -> None:
    """Ten lines of TOML for a relay we know nothing of; three rooms of three."""
    with listening(FAST_SERVER) as relay:
        document = a_short_run(tmp_path, "--dialect", RELAY_DIALECT, "--rooms", "3", "--target", relay.url)
    counts = document["counters"]

    assert counts["deliveries_expected"] == 3 * counts["messages_sent"]
    assert counts["acks_received"] == counts["messages_sent"]
    assert document["metrics"]["join_time"]["count"] == 9
    assert document["plan"]["users.rooms.shape"] == {"value": "uniform", "origin": "flag"}


# --- the other commands -------------------------------------------------------------------------------------


def test_list_names_every_scenario(tmp_path: Path) -> None:
    """One a line, with what it asks."""
    ended = chatbench("list", cwd=tmp_path)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line.split()[0] for line in ended.stdout.splitlines()] == list(catalogue())
    assert all(len(line.split()) > 3 for line in ended.stdout.splitlines())


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    """The first thing that a report of a bug is asked for."""
    ended = chatbench("--version", cwd=tmp_path)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"chatbench {version('chatbench')}\n", "")


def test_what_show_prints_can_be_run(tmp_path: Path) -> None:
    """It is the way to a scenario of one's own."""
    shown = chatbench("show", "smoke", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    (tmp_path / "mine.toml").write_text(shown.stdout, encoding="utf-8")
    assert tomllib.loads(shown.stdout)["users"]["count"] == 20

    again = chatbench("show", "mine.toml", cwd=tmp_path)

    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.startswith("# mine.toml\n")


def test_serve_says_where_and_ends_when_told(tmp_path: Path) -> None:
    """A ready line first, then service; SIGTERM is exit code 0."""
    with server_process("--accounts", "1", command=[CHATBENCH, "serve"]) as server:
        assert server.token("user-000001")

        assert server.stop(signal.SIGTERM) == 0


# --- what cannot be done ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "fanuot"], 'unknown scenario "fanuot"; did you mean "fanout"?'),
        (["run", "typo.toml"], 'typo.toml: users.cuont: unknown key; did you mean "count"?'),
        (["run", "broken.toml"], "broken.toml: not a TOML file: "),
        (["run", "--users", "many"], '--users: expected a whole number > 0, got "many"'),
        (["run", "--rate", "-1"], "--rate: expected a number > 0, got -1"),
        (["run", "--budget", "delivery_time:p(99)<9"], '--budget: expected a time with us, ms or s, like "250ms"'),
        (["run", "--header", "a\nb"], '--header: expected "Name: value", got a text without a name and a colon'),
        (["run", "--userz", "3"], "No such option: --userz"),
        (["run", "--users"], "Option '--users'"),
        (["run", "one", "two"], "Got unexpected extra argument"),
        (["rnu"], "No such command 'rnu'"),
        (["doctor", "--users", "some"], "--users: expected a whole number > 0, got some"),
        (["run", "--out", "file"], "file: cannot write there: File exists"),
        (["run", "--out", "file/run"], "file/run: cannot write there: Not a directory"),
        (["run", "--out", "/proc/run"], "/proc/run: cannot write there: No such file or directory"),
        (["run", "--out", "full"], "full: expected an empty directory; choose another one or add --force"),
        (["show", "fanuot"], 'unknown scenario "fanuot"; did you mean "fanout"?'),
        (["report", "full"], "full/result.json: expected the result.json of a run: No such file or directory"),
        (["report", "file"], "file: expected the result.json of a run, got something that is not JSON"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_104(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    line: str,
) -> None:
    """No traceback, nothing on standard output, and no directory that says a run has been there.

    The command in this process, since of one in its own there is nothing to see but how long Python takes to start.
    """
    (tmp_path / "typo.toml").write_text("[users]\ncuont = 5\n", encoding="utf-8")
    (tmp_path / "broken.toml").write_text("[users\n", encoding="utf-8")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["chatbench", *arguments])

    with pytest.raises(SystemExit) as ended:
        main()

    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (104, "")
    assert said.err.startswith(f"chatbench: {line}")
    assert said.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_directory_that_is_not_empty_is_written_into_when_forced(served: Listening, tmp_path: Path) -> None:
    """What else is in it stays."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").touch()

    a_short_run(tmp_path, "--target", served.url)

    assert (tmp_path / "run" / "mine").exists()
