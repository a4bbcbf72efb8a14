"""The example of a server with a protocol of its own: its dialect file, and what is said of wrong ones.

A server may do as the file says and still change texts, or hang up: that is said, too.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scenarios.doctor import examine_dialect
from tests.support.benches import GENERATOR_DOUBTS, books_close, chatbench, document_in, fatal_doubts_of, unless_starved
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.system

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_protocol"
OWN = (EXAMPLE / "own.toml").read_text(encoding="utf-8")

# For what will not come; long enough for what should, since this machine may have other things to do.
SHORT_PATIENCE_S = 1.5
FEW = ("--users", "10", "--rooms", "1", "--warmup", "0s", "--duration", "2s", "--drain", "500ms")
ALIVE = 'reply = { "?" = "!" }                    # the server asks\n'


@contextmanager
def own_server(*flags: str) -> Iterator[str]:
    """Run the example's server; its address."""
    command = [sys.executable, str(EXAMPLE / "server.py"), "--port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], PATIENCE_S)[0], "it does not say where it is"
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with own_server() as url:
        yield url


def changed(right: str, wrong: str) -> str:
    """The example's file with something else in one place."""
    assert OWN.count(right) == 1
    return OWN.replace(right, wrong)


Steps = dict[str, dict[str, Any]]


class Doctor:
    """Tries dialects in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._file = folder / "mine.toml"
        self._capsys = capsys

    def __call__(self, url: str, dialect: str = OWN) -> Steps:
        """The steps by name."""
        self._file.write_text(dialect, encoding="utf-8")
        flags = {"target.url": [url], "target.dialect": str(self._file)}
        examine_dialect(flags, {}, print_json=True, patience_s=SHORT_PATIENCE_S)
        return {step["name"]: step for step in json.loads(self._capsys.readouterr().out)["steps"]}


@pytest.fixture
def doctor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(tmp_path, capsys)


def failed(steps: Steps) -> dict[str, str | None]:
    """The steps that failed, each with the key to look at."""
    return {name: step["key"] for name, step in steps.items() if step["outcome"] == "failed"}


def came(step: dict[str, Any]) -> str:
    """All that is shown of what came."""
    return "\n".join(line["text"] for line in step["lines"] if line["direction"] == "<-")


def ran(folder: Path, url: str, *flags: str, dialect: str = OWN) -> tuple[int, dict[str, Any]]:
    """Exit code and document of a run with a dialect file."""
    (folder / "mine.toml").write_text(dialect, encoding="utf-8")
    bare = ("--no-plots", "--no-html", "--out", "run", "--force")
    done = chatbench("run", "smoke", "--target", url, "--dialect", "mine.toml", *flags, *bare, cwd=folder)
    document = document_in(folder / "run")
    assert books_close(document)
    return done.returncode, document


def example_of(document: dict[str, Any], kind: str) -> str:
    """The example of an error."""
    examples: Iterator[str] = (error["example"] for error in document["errors"] if error["kind"] == kind)
    return next(examples)


# --- the file of the example --------------------------------------------------------------------------------


def test_everything_in_the_example_is_well(server: str, doctor: Doctor) -> None:
    """Each step; the acknowledgement came in one frame with the message, and is shown."""
    steps = doctor(server)

    assert failed(steps) == {}
    assert "TAKEN|1000" in came(steps["acknowledgement"])


def test_a_run_measures_the_example(server: str, tmp_path: Path) -> None:
    """Every message is acknowledged and reaches everybody, and nobody falls asleep."""
    code, document = unless_starved(lambda: ran(tmp_path, server), only_counts=True)

    counts = document["counters"]
    assert document["errors"] == []
    assert counts["acks_received"] == counts["messages_sent"] > 0
    assert counts["deliveries_received"] == counts["deliveries_expected"] > 0
    assert code == (97 if fatal_doubts_of(document) & GENERATOR_DOUBTS else 0)


# --- files that are wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("run", "smoke"), ("doctor",)])
def test_a_placeholder_that_there_is_not_is_refused_by_name(command: tuple[str, ...], tmp_path: Path) -> None:
    """In one line, before anything is tried: nobody is at this address."""
    (tmp_path / "mine.toml").write_text(changed("{room}|{text}", "{rom}|{text}"), encoding="utf-8")
    ended = chatbench(*command, "--target", "http://127.0.0.1:1", "--dialect", "mine.toml", cwd=tmp_path)

    assert ended.returncode == 104
    assert ended.stderr.strip() == (
        "chatbench: mine.toml: publish.send: unknown placeholder {rom}; did you mean {room}?"
    )


@pytest.mark.parametrize(
    ("right", "wrong", "keys", "seen", "advice"),
    [
        ("cookie:seat", "$.seat", {"log in": "login.token"}, "204", "try 'cookie:seat'"),
        ("cookie:seat", "cookie:chair", {"log in": "login.token"}, "204", "try 'cookie:seat'"),
        ("v=3", "v=2", {"connect": "connect.path"}, "400: this is version 3: v=3", "query"),
        ("cookies = { seat", "cookies = { chair", {"connect": "connect.cookies"}, "401: take a seat first", "token"),
        ('"HELLO|"', '"hello|"', {"greeting": "connect.until"}, "HELLO|user-000001", "'HELLO|'"),
        ("IN\\\\|", "JOINED\\\\|", {"join": "join.until"}, "IN|room-1", "Take a text from it"),
        ("JOIN|{room}", "ENTER|{room}", {"join": "join.send"}, "NO|what is ENTER|room-1?", "this is a refusal"),
        ('separator = "\\n"', "", {"acknowledgement": "frames.separator"}, "TAKEN|1000", 'try separator = "\\n"'),
        ("^TAKEN", "^OK", {"acknowledgement": "publish.ack"}, "", "leave publish.ack out"),
    ],
)
def test_doctor_names_the_key_that_is_wrong_and_shows_what_came(
    right: str, wrong: str, keys: dict[str, str], seen: str, advice: str, server: str, doctor: Doctor
) -> None:
    """The frame or the answer by which it can be put right."""
    steps = doctor(server, changed(right, wrong))

    assert failed(steps) == keys
    (name,) = keys
    assert seen in came(steps[name])
    assert advice in steps[name]["advice"]


@pytest.mark.parametrize(
    ("right", "wrong", "kind", "example"),
    [
        ("cookie:seat", "cookie:chair", "bad_response", "no token"),
        ("IN\\\\|", "JOINED\\\\|", "join_timeout", "what came last was 'IN|room-1'"),
        ("JOIN|{room}", "ENTER|{room}", "error_frame", "NO|what is ENTER|room-1?"),
    ],
)
def test_a_run_that_lets_nobody_in_says_why(
    right: str, wrong: str, kind: str, example: str, server: str, tmp_path: Path
) -> None:
    """Under errors, with what came instead."""
    code, document = ran(tmp_path, server, *FEW, dialect=changed(right, wrong))

    assert code in (97, 106)
    assert example in example_of(document, kind)


# --- keep-alive ---------------------------------------------------------------------------------------------


def test_pings_that_nobody_answers_are_noticed(doctor: Doctor) -> None:
    """Before the server hangs up because of them."""
    with own_server("--ping-every", "0.2") as url:
        steps = doctor(url, changed(ALIVE, ""))

    hints = {step["advice"] for step in steps.values() if step["key"] == "alive.reply"}
    assert hints
    assert all(hint.startswith("'?' came ") for hint in hints)


def test_a_run_that_answers_no_pings_says_who_hung_up(tmp_path: Path) -> None:
    """With the server's own reason; that is data."""
    with own_server("--ping-every", "0.2") as url:
        _, document = ran(tmp_path, url, *FEW, dialect=changed(ALIVE, ""))

    assert document["counters"]["connections_dropped"] == 10
    assert "4008 'you do not answer'" in example_of(document, "close_other")


ASKS = 'every = "300ms"\nsend = "?"\nanswer = "!"\n'


def test_a_keep_alive_that_the_server_does_not_answer_is_named(server: str, doctor: Doctor, tmp_path: Path) -> None:
    """With what it says instead."""
    wrong = changed(ALIVE, ASKS)
    steps = doctor(server, wrong)
    _, document = ran(tmp_path, server, *FEW, dialect=wrong)

    assert failed(steps) == {"keep-alive": "alive.answer"}
    assert "NO|what is ??" in came(steps["keep-alive"])
    assert example_of(document, "alive_timeout") == "no answer to '?'"
    assert example_of(document, "error_frame") == "NO|what is ??"


# --- texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said", "seen"),
    [
        ("entities", "HTML entities", "&#100;&#105;"),
        ("shorten", "the text came without it: 100 of its 200", "dipa sudi"),
        ("capitals", "upper or mixed case", "DIPA SUDI"),
    ],
)
def test_doctor_says_what_the_server_does_to_texts(change: str, said: str, seen: str, doctor: Doctor) -> None:
    """And shows the frame."""
    with own_server("--change", change) as url:
        steps = doctor(url)

    assert failed(steps).keys() == {"delivery", "own message", "marker"}
    assert said in steps["marker"]["summary"]
    assert seen in came(steps["marker"])


@pytest.mark.parametrize(
    ("change", "seen"), [("entities", "&#99;&#98;&#109;"), ("shorten", " cbm"), ("capitals", "CBM")]
)
def test_a_run_counts_texts_that_came_changed_and_shows_one(change: str, seen: str, tmp_path: Path) -> None:
    """They are lost; no figure is made of them."""
    with own_server("--change", change) as url:
        code, document = ran(tmp_path, url, *FEW)

    counts = document["counters"]
    assert code == 97
    assert counts["deliveries_lost"] == counts["deliveries_expected"] > 0
    assert counts["frames_damaged"] >= counts["deliveries_expected"]
    assert seen in example_of(document, "text_changed")
    assert "no_deliveries" in fatal_doubts_of(document)


def test_a_server_that_escapes_html_is_measured_all_the_same(doctor: Doctor, tmp_path: Path) -> None:
    """A marker is letters and digits; doctor says that words were changed."""
    with own_server("--change", "html") as url:
        steps = doctor(url)
        code, document = unless_starved(lambda: ran(tmp_path, url, *FEW), only_counts=True)

    assert failed(steps) == {}
    assert "which does a run no harm" in steps["marker"]["summary"]
    assert "dipa&nbsp;sudi" in came(steps["marker"])
    assert document["counters"]["frames_damaged"] == 0
    assert code == (97 if fatal_doubts_of(document) & GENERATOR_DOUBTS else 0)
