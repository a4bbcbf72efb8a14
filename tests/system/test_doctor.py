"""`chatbench doctor` on this machine, on servers that are well, and on dialects and servers that are wrong.

What a user types is tried with the command itself, the many ways of being wrong in this process.
"""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from scenarios.accounts import generated_accounts
from scenarios.doctor import PATIENCE_S as DOCTORS_PATIENCE_S
from scenarios.doctor import examine_dialect
from scenarios.doctor.findings import Check
from scenarios.doctor.steps import StepName
from tests.support.benches import CHATBENCH, FAST_SERVER, RELAY_DIALECT, chatbench, environment
from tests.support.patience import PATIENCE_S
from tests.support.programs import Listening, listening
from tests.support.raw_websocket import accepting, close_frame
from tests.support.rude_servers import refusing_server, request_of, silent_server, stay_with, talking_server
from tests.support.server_process import ServerProcess, server_process
from tests.support.silent_port import refusing_port

pytestmark = pytest.mark.system

# For what will not come; long enough for what should, since this machine may have other things to do.
SHORT_PATIENCE_S = 1.0

RELAY = Path(RELAY_DIALECT).read_text(encoding="utf-8")
REFERENCE = (Path(__file__).parents[2] / "loadgen/dialects/reference.toml").read_text(encoding="utf-8")
ECHO = '[connect]\npath = "/"\n[publish]\nsend = "{text}"\nreach = "self"\n'


# By name, as the document has them.
Steps = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def relay() -> Iterator[Listening]:
    with listening(FAST_SERVER) as server:
        yield server


@pytest.fixture(scope="module")
def reference() -> Iterator[ServerProcess]:
    with server_process("--accounts", "10") as server:
        yield server


def document_of(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What it printed, which is a document and nothing else."""
    assert ended.stderr == ""
    document: dict[str, Any] = json.loads(ended.stdout)
    return document


def examine(url: str, dialect: str, cwd: Path) -> tuple[int, Steps]:
    """Exit code and steps, by name, of the command; ``dialect`` is the text of a dialect file."""
    (cwd / "mine.toml").write_text(dialect, encoding="utf-8")
    ended = chatbench("doctor", "--target", url, "--dialect", "mine.toml", "--json", cwd=cwd)
    return ended.returncode, steps_of(document_of(ended), ended.returncode)


def steps_of(document: dict[str, Any], exit_code: int) -> Steps:
    """The steps of a document, by name."""
    assert document["schema"] == "chatbench.diagnosis/1"
    assert document["ok"] == (exit_code == 0)
    return {step["name"]: step for step in document["steps"]}


@dataclass(frozen=True, slots=True)
class Examiner:
    """Tries dialects in this process."""

    cwd: Path
    capsys: pytest.CaptureFixture[str]

    def examine(
        self, url: str, dialect: str, *, patience_s: float = DOCTORS_PATIENCE_S, **flags: Any
    ) -> tuple[int, Steps]:
        """Exit code and steps; of ``flags`` the names are those of a scenario's keys, with __ between the parts."""
        file = self.cwd / "mine.toml"
        file.write_text(dialect, encoding="utf-8")
        given = {name.replace("__", "."): value for name, value in flags.items()}
        given = {"target.url": [url], "target.dialect": str(file), **given}
        code = examine_dialect(given, {}, print_json=True, patience_s=patience_s)
        return code, steps_of(json.loads(self.capsys.readouterr().out), code)


@pytest.fixture
def examiner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Examiner:
    return Examiner(tmp_path, capsys)


def failed(steps: Steps) -> dict[str, str | None]:
    """The steps that failed, each with the key to look at."""
    return {name: step["key"] for name, step in steps.items() if step["outcome"] == "failed"}


# --- this machine -------------------------------------------------------------------------------------------


def test_this_machine_is_looked_at_and_nothing_stands_in_the_way(tmp_path: Path) -> None:
    """Warnings are information: exit code 0."""
    ended = chatbench("doctor", "--json", cwd=tmp_path)
    document = document_of(ended)

    assert ended.returncode == 0
    assert document["schema"] == "chatbench.checkup/1"
    assert [finding["check"] for finding in document["findings"]] == list(Check)
    assert document["fits"] is None
    assert document["facts"]["clock_read_ns"] > 0
    assert document["users_in_one_process"] == document["facts"]["sockets_per_process"]


def test_without_a_terminal_the_table_is_plain_and_narrow(tmp_path: Path) -> None:
    """80 columns and no control characters; a command may be longer, so that it can be copied."""
    ended = chatbench("doctor", cwd=tmp_path)

    assert ended.returncode == 0
    assert "\x1b" not in ended.stdout
    lines = ended.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines if "sysctl" not in line and "pip install" not in line)
    assert any(line.startswith("Up to ") for line in lines)


def test_users_who_do_not_fit_are_told_what_would_let_them_in(tmp_path: Path) -> None:
    """With the exact command, and an exit code for scripts."""
    command = f"ulimit -n 300 && {shlex.join([CHATBENCH, 'doctor', '--json', '--users'])}"
    few, many = (
        subprocess.run(
            ["sh", "-c", f"{command} {count}"],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        for count in (100, 20_000)
    )

    assert (few.returncode, document_of(few)["fits"]) == (0, True)
    assert (many.returncode, document_of(many)["fits"]) == (97, False)
    files = document_of(many)["findings"][0]
    assert (files["severity"], files["means"]) == ("too little", "100 sockets a process")
    assert "nofile" in files["command"] or "ulimit" in files["command"]


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--dialect", "plain"), "--dialect: expected together with --target"),
        (("--insecure",), "--insecure: expected together with --target"),
        (("--target", "http://127.0.0.1:1", "--users", "5"), "--users: expected without --target"),
        (("--target", "http://127.0.0.1:1", "--dialect", "refernce"), 'did you mean "reference"?'),
        (("--target", "127.0.0.1:1"), "--target: expected an address like"),
        (("--users", "0"), "--users"),
    ],
)
def test_flags_that_make_no_sense_are_refused(flags: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    """In one line, before anything is tried."""
    ended = chatbench("doctor", *flags, cwd=tmp_path)

    assert ended.returncode == 104
    assert complaint in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


# --- servers that are well ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["reference", "plain", "echo"])
def test_the_built_in_dialects_are_well_on_the_reference_server(
    dialect: str, reference: ServerProcess, tmp_path: Path
) -> None:
    """Each step is told, and no password and no token."""
    ended = chatbench("doctor", "--target", reference.url, "--dialect", dialect, cwd=tmp_path)

    assert ended.returncode == 0, ended.stdout
    assert "All is well" in ended.stdout
    for name in StepName:
        assert name in ended.stdout
    assert "<marker>" in ended.stdout
    for secret in ("eyJ", *(password for _, password in generated_accounts(2))):
        assert secret not in ended.stdout


def test_everything_that_a_dialect_asks_for_is_tried(reference: ServerProcess, examiner: Examiner) -> None:
    """The reference dialect has it all."""
    code, steps = examiner.examine(reference.url, REFERENCE)

    assert code == 0, steps
    assert list(steps) == list(StepName)
    assert {step["outcome"] for step in steps.values()} == {"ok"}
    assert steps["acknowledgement"]["summary"].startswith("a frame matched publish.ack, and {seq} is ")


def test_two_nodes_are_tried_with_a_user_on_each(relay: Listening, examiner: Examiner) -> None:
    """Here they are two servers that know nothing of one another: the message does not get across."""
    with listening(FAST_SERVER) as other:
        code, steps = examiner.examine(
            relay.url, RELAY, patience_s=SHORT_PATIENCE_S, target__url=[relay.url, other.url]
        )

    assert (code, failed(steps)) == (97, {"delivery": "join.send"})


def test_tokens_from_a_file_take_the_place_of_the_login(relay: Listening, examiner: Examiner, tmp_path: Path) -> None:
    """They are not shown either."""
    (tmp_path / "tokens").write_text("first-of-the-tokens\nsecond-of-the-tokens\n", encoding="utf-8")
    dialect = RELAY.replace("{username}", "{token}")
    code, steps = examiner.examine(relay.url, dialect, users__tokens_file=str(tmp_path / "tokens"))

    assert code == 0, steps
    assert steps["log in"]["summary"] == "the tokens come from a file"
    assert "of-the-tokens" not in json.dumps(steps)
    assert steps["connect"]["lines"][0]["text"] == "GET /relay?name=***"


# --- dialects that are wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "wrong", "keys"),
    [
        ('"/relay', '"/nowhere', {"connect": "connect.path"}),
        ("JOINED {room}", "joined  {room}", {"join": "join.until"}),
        ('"ACK {id}"', '"TAKEN {id}"', {"acknowledgement": "publish.ack"}),
        ("[publish]", "[publish]\necho = false", {"own message": "publish.echo"}),
        ("[publish]", '[publish]\nreach = "self"', {"delivery": "publish.reach"}),
        (
            'send = "SAY',
            'send = "TELL',
            {"acknowledgement": "publish.send", "delivery": "publish.send", "own message": "publish.send"},
        ),
    ],
)
def test_a_wrong_key_of_a_dialect_is_named(
    right: str, wrong: str, keys: dict[str, str], relay: Listening, examiner: Examiner
) -> None:
    """At the step where it shows, with what came instead; the steps that make no sense then are not tried."""
    code, steps = examiner.examine(relay.url, RELAY.replace(right, wrong), patience_s=SHORT_PATIENCE_S)

    assert (code, failed(steps)) == (97, keys)
    for name in keys:
        assert steps[name]["advice"]
        assert steps[name]["lines"]


@pytest.mark.parametrize(
    ("right", "wrong", "code", "keys"),
    [
        ("$.access_token", "$.token", 97, {"log in": "login.token"}),
        ("$.access_token", "$.token_type", 97, {"connect": "connect.path"}),
        ('"/login"', '"/signin"', 106, {"log in": "login.path"}),
        ("username =", "name =", 106, {"log in": "login.json"}),
    ],
)
def test_a_wrong_key_of_a_login_is_named(
    right: str, wrong: str, code: int, keys: dict[str, str], reference: ServerProcess, examiner: Examiner
) -> None:
    """The server's own answer is the hint."""
    found, steps = examiner.examine(reference.url, REFERENCE.replace(right, wrong))

    assert (found, failed(steps)) == (code, keys)


def test_a_greeting_that_the_server_writes_otherwise_is_awaited_and_then_named(
    reference: ServerProcess, tmp_path: Path
) -> None:
    """For as long as the command waits for anything."""
    code, steps = examine(reference.url, REFERENCE.replace('"type":"welcome"', '"type": "welcome"'), tmp_path)

    assert (code, failed(steps)) == (97, {"greeting": "connect.until"})
    assert steps["greeting"]["summary"].endswith("within 5 s")
    assert steps["greeting"]["advice"].startswith("the server writes it in another way")


def test_the_right_place_of_a_token_is_proposed_and_the_token_not_shown(
    reference: ServerProcess, examiner: Examiner
) -> None:
    """Nothing of the answer but its keys."""
    _, steps = examiner.examine(reference.url, REFERENCE.replace("$.access_token", "$.token"))

    assert steps["log in"]["advice"] == "try '$.access_token'"
    assert steps["log in"]["lines"][-1]["text"] == (
        '200 {"access_token": "***", "token_type": "***", "expires_in": "***"}'
    )


def test_a_message_over_http_that_the_server_does_not_take_is_named(
    reference: ServerProcess, examiner: Examiner
) -> None:
    """With its answer."""
    head = REFERENCE.partition("[publish]")[0]
    publish = '[publish]\nhttp = { path = "/messages", json = { text = "{text}" } }\n'
    code, steps = examiner.examine(reference.url, head + publish)

    assert (code, failed(steps)) == (97, {"publish": "publish.http"})
    assert steps["publish"]["lines"][0]["text"].startswith('POST /messages {"text": "')


def test_a_dialect_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """By the same words as in a run, before anything is tried."""
    (tmp_path / "mine.toml").write_text(
        '[connect]\npath = "/ws"\nuntl = "hello"\n[publish]\nsend = "{text}"\n', encoding="utf-8"
    )
    ended = chatbench("doctor", "--target", "http://127.0.0.1:1", "--dialect", "mine.toml", cwd=tmp_path)

    assert ended.returncode == 104
    assert "connect.untl: unknown key" in ended.stderr


# --- servers that are wrong ---------------------------------------------------------------------------------


def test_a_server_that_lets_nobody_in_is_out_of_reach(
    reference: ServerProcess, examiner: Examiner, tmp_path: Path
) -> None:
    """As in a run; the passwords that it refused are not shown."""
    (tmp_path / "users.csv").write_text("ann,wrong-one-1\nbob,wrong-one-2\n", encoding="utf-8")
    code, steps = examiner.examine(reference.url, REFERENCE, users__file=str(tmp_path / "users.csv"))

    assert (code, failed(steps)) == (106, {"log in": "login.json"})
    assert "wrong-one" not in json.dumps(steps)
    assert steps["log in"]["summary"] == "neither user was let in: HTTP 401"


def test_nobody_there_is_said(tmp_path: Path) -> None:
    """The first step, and the last; a password in the address is not shown."""
    code, steps = examine(f"http://ann:hunter22@127.0.0.1:{refusing_port()}", RELAY, tmp_path)

    assert (code, list(steps)) == (106, ["reach"])
    assert "hunter22" not in json.dumps(steps)


@pytest.mark.parametrize(
    ("upgrades", "dialect", "code", "keys"),
    [
        (False, REFERENCE, 106, {"log in": "login.path"}),
        (False, RELAY, 97, {"connect": "connect.path"}),
        (True, RELAY, 97, {"join": "join.send"}),
    ],
)
def test_a_server_that_never_answers_is_given_up(
    *, upgrades: bool, dialect: str, code: int, keys: dict[str, str], examiner: Examiner
) -> None:
    """And it is said after how long."""
    with silent_server(upgrades=upgrades) as seen:
        found, steps = examiner.examine(seen.url, dialect, patience_s=SHORT_PATIENCE_S)

    assert (found, failed(steps)) == (code, keys)
    (step,) = (step for step in steps.values() if step["outcome"] == "failed")
    assert f"within {SHORT_PATIENCE_S:g} s" in step["summary"]


def test_a_server_that_refuses_handshakes_is_quoted(examiner: Examiner) -> None:
    """Status and body."""
    with refusing_server() as url:
        code, steps = examiner.examine(url, RELAY)

    assert (code, failed(steps)) == (97, {"connect": "connect.path"})
    assert steps["connect"]["lines"][-1]["text"] == "503: come back later"


def test_a_server_that_hangs_up_upon_the_message_ends_it(examiner: Examiner) -> None:
    """There is nothing more to be learnt."""

    def hang_up(client: socket.socket, _: int) -> None:
        client.sendall(accepting(request_of(client)))
        client.recv(4096)

    with talking_server(hang_up) as url:
        code, steps = examiner.examine(url, ECHO)

    assert (code, failed(steps)) == (97, {"publish": "publish.send"})
    assert list(steps)[-1] == "publish"


def test_a_server_that_closes_at_once_said_nothing_before(examiner: Examiner) -> None:
    """Its close frame is no frame that came."""

    def turn_away(client: socket.socket, _: int) -> None:
        client.sendall(accepting(request_of(client)) + close_frame(1008, "who are you?"))
        stay_with(client)

    with talking_server(turn_away) as url:
        code, steps = examiner.examine(url, ECHO)

    assert (code, failed(steps)) == (97, {"connect": "connect.path"})
    assert "closed with 1008 'who are you?' at once" in steps["connect"]["summary"]


def test_a_server_that_changes_texts_is_found_out(examiner: Examiner) -> None:
    """What it did to the marker explains why nothing seemed to come."""
    with shouting_server() as url:
        code, steps = examiner.examine(url, ECHO, patience_s=SHORT_PATIENCE_S)

    assert (code, failed(steps)) == (97, {"own message": "publish.send", "marker": "publish.send"})
    assert steps["marker"]["summary"].endswith("its letters were changed to upper or mixed case")


@contextmanager
def shouting_server() -> Iterator[str]:
    """Send each message back in capitals; the address."""

    def shout(connection: ServerConnection) -> None:
        try:
            for message in connection:
                connection.send(str(message).upper())
        except ConnectionClosed:
            return

    with serve(shout, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(PATIENCE_S)
