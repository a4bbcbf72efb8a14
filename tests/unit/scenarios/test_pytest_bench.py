"""What a test's run is asked for, and what becomes of how it ends; the runs themselves are not real ones."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError, TargetUnreachableError
from reports.budgets import Document
from scenarios.layers import FLAGS
from scenarios.probing import Asked, Ending
from scenarios.pytest_bench import ChatBench, command_for, cores_for, flags_from
from tests.support.documents import a_document, a_failed_document, a_late_document
from tests.support.fake_runs import FakeRuns

ADDRESS = "http://127.0.0.1:9"


def a_bench(tmp_path: Path, runs: FakeRuns, **more: Any) -> ChatBench:
    return ChatBench("a_test", tmp_path / "runs", tmp_path / "lock", carry_out=runs, **more)


def test_a_run_is_asked_for_by_flags_of_the_command_line(tmp_path: Path) -> None:
    """Keywords are flags with their hyphens gone; the mark's budgets come on top."""
    runs = FakeRuns(a_document())
    bench = a_bench(tmp_path, runs, budgets=("ack_time: max < 1s",))
    result = bench.run("smoke", url=ADDRESS, users=30, connect_rate=100, budget="join_time: max < 1s", html=False)

    assert result
    assert bench.results == [result]
    (asked_for,) = runs.asked_for
    assert asked_for == [
        *("smoke", "--no-plots", "--users", "30", "--connect-rate", "100"),
        *("--budget", "join_time: max < 1s", "--budget", "ack_time: max < 1s"),
        *("--no-html", "--target", ADDRESS, "--out", str(result.directory), "--force", "--quiet"),
    ]


def test_every_run_has_a_directory_of_its_own(tmp_path: Path) -> None:
    """Called after its test and scenario, numbered where there is one."""
    bench = a_bench(tmp_path, FakeRuns(a_document()))
    bench.name = "tests/test_chat.py::test_it[a b]"
    names = [bench.run("smoke").directory.name for _ in range(3)]

    assert names == [f"tests-test_chat.py-test_it-a-b-smoke{end}" for end in ("", "-2", "-3")]


def test_who_runs_has_the_machine(tmp_path: Path) -> None:
    """Another worker waits until the run has ended."""
    runs = FakeRuns(a_document())

    def is_held() -> bool:
        with (tmp_path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def watched(arguments: Sequence[str], planned_s: float, asked: Asked) -> Ending:
        assert is_held()
        return runs(arguments, planned_s, asked)

    bench = a_bench(tmp_path, runs)
    bench.carry_out = watched

    assert bench.run("smoke")
    assert not is_held()


@pytest.mark.parametrize(("document", "code"), [(a_failed_document(), 99), (a_late_document(), 97)])
def test_a_run_that_failed_is_a_result(tmp_path: Path, document: Document, code: int) -> None:
    """The test judges it."""
    result = a_bench(tmp_path, FakeRuns(document, code)).run("smoke")

    assert not result
    assert result.exit_code == code


@pytest.mark.parametrize(
    ("runs", "kind", "message"),
    [
        (FakeRuns(None, 106, "nobody there"), TargetUnreachableError, "nobody there"),
        (
            FakeRuns(
                a_document(
                    ended_early="login_refused",
                    errors=[{"kind": "http_4xx", "phase": "login", "count": 500, "example": "HTTP 404"}],
                ),
                106,
            ),
            TargetUnreachableError,
            "http://127.0.0.1:40123: nobody could log in; 500 times http_4xx in login (HTTP 404)",
        ),
        (FakeRuns(None, 104, "wrong"), InputError, "wrong"),
        (FakeRuns(None, 1, "a bug"), RuntimeError, "a bug"),
        (FakeRuns(None, 0, "where is it?"), RuntimeError, "where is it?"),
    ],
)
def test_a_run_without_figures_is_an_error(tmp_path: Path, runs: FakeRuns, kind: type[Exception], message: str) -> None:
    """It is no result, which a test might forget to look at."""
    bench = a_bench(tmp_path, runs)
    with pytest.raises(kind, match=re.escape(message)):
        bench.run("smoke")
    assert bench.results == []


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"user": 3}, 'chatbench.run: unknown keyword "user"; did you mean "users"?'),
        ({"xyz": 3}, 'chatbench.run: unknown keyword "xyz"; it takes the flags of chatbench run'),
        ({"out": "x"}, "chatbench.run: expected no out (pytest's --chatbench-out says where runs are kept), got 'x'"),
        ({"target": "x"}, "chatbench.run: expected no target (name the server by app, command or url), got 'x'"),
        ({"users": "many"}, '--users: expected a whole number > 0, got "many"'),
        ({"budget": "lost"}, '--budget: expected "METRIC: AGG OP VALUE"'),
        ({"header": ["no colon"]}, 'header: expected "Name: value", got a text without a name and a colon'),
        ({"url": "here"}, "--target: expected an address"),
        (
            {"url": ADDRESS, "command": "true"},
            "chatbench.run: expected one of app, command and url, got command and url",
        ),
        ({"app": 3}, "app: expected an ASGI application, called with scope, receive and send, got 3"),
        ({"app": "chat"}, 'app: expected an ASGI application, or where it is, like "chat.main:app", got "chat"'),
        ({"scenario": "payload_sweep"}, "payload_sweep.toml: sweep"),
    ],
)
def test_bad_input_is_refused_before_anything_starts(tmp_path: Path, keywords: dict[str, Any], message: str) -> None:
    """In one line that names the keyword or the flag."""
    runs = FakeRuns(a_document())
    with pytest.raises(InputError) as error:
        a_bench(tmp_path, runs).run(**({"scenario": "smoke"} | keywords))
    assert str(error.value).startswith(message)
    assert runs.asked_for == []


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """There may be a file in its place."""
    (tmp_path / "runs").write_text("")
    with pytest.raises(InputError, match="cannot write there: Not a directory"):
        a_bench(tmp_path, FakeRuns(a_document())).run("smoke")


def test_flags_are_handed_on_as_they_are_typed() -> None:
    """Lists are repeated, switches stand alone, and what is None was not given."""
    typed, passed = flags_from(
        {
            "stage": ["1s:5", "2s:0"],
            "header": {"A": "b: c"},
            "insecure": True,
            "abort_on_fail": False,
            "plots": True,
            "rate": 2.5,
            "users_file": Path("users.csv"),
            "seed": None,
        },
        (),
    )

    assert typed == {
        "users.stages": ["1s:5", "2s:0"],
        "target.headers": {"A": "b: c"},
        "target.insecure": True,
        "run.abort_on_fail": False,
        "run.plots": True,
        "traffic.rate_per_s": "2.5",
        "users.file": "users.csv",
    }
    assert " ".join(passed) == (
        "--plots --stage 1s:5 --stage 2s:0 --header A: b: c --insecure --rate 2.5 --users-file users.csv"
    )


OF_THE_PLUGIN = {"--target", "--out", "--force", "--json", "--quiet"}


@pytest.mark.parametrize("name", [flag.name for flag in FLAGS if flag.name not in OF_THE_PLUGIN])
def test_every_flag_of_a_run_is_a_keyword(name: str) -> None:
    """But those that the plugin settles itself."""
    _, passed = flags_from({name.removeprefix("--").replace("-", "_"): ["A: b"] if name == "--header" else "1"}, ())

    assert name in passed


def test_an_import_string_is_served_by_uvicorn_that_finds_what_we_find() -> None:
    """Pytest puts folders on the path that a new process would not know."""
    words = shlex.split(command_for("chat.main:app"))

    assert words[0] == "env"
    assert words[1].startswith("PYTHONPATH=")
    assert set(filter(None, sys.path)) <= set(words[1].removeprefix("PYTHONPATH=").split(os.pathsep))
    assert words[2:6] == [sys.executable, "-m", "uvicorn", "chat.main:app"]
    assert "{port}" in words


def test_the_generator_has_a_core_for_each_of_its_processes() -> None:
    """The server has what is left, and shares where nothing is."""
    ours = os.sched_getaffinity(0)
    pinning = cores_for(1)

    assert cores_for(len(ours)) is None
    assert (pinning is None) == (len(ours) == 1)
    if pinning is not None:
        assert len(pinning.generator) == 1
        assert pinning.server == ours - pinning.generator
