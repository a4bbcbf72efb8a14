"""Secrets where a run is one of several, where the doctor looks, and in Locust: shown nowhere."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest

from tests.support.benches import CHATBENCH, chatbench, environment, eventually
from tests.support.canaries import A_TOKEN, BY_HANDSHAKE, HEADERS, files_with_secrets, owned, repeat, secrets_in
from tests.support.live_peers import address_in, get
from tests.support.locust_process import locust
from tests.support.patience import PATIENCE_S
from tests.support.programs import Listening, listening
from tests.support.rude_servers import talking_server

pytestmark = pytest.mark.system

SCENARIO = """
[users]
count = 10
connect_rate_per_s = 200
[traffic]
rate_per_s = 20
[phases]
warmup = "0s"
measure = "500ms"
drain = "200ms"
[budgets]
deliveries_lost = "count == 0"
"""
SWEEP = SCENARIO + "[sweep]\npayload_bytes = [100, 200]\n"
OUT = ("--out", "out")

# Locust's own pages and downloads, and ours among them.
LOCUSTS = (
    "/",
    "/stats/requests",
    "/stats/report?download=1",
    "/stats/requests/csv",
    "/stats/failures/csv",
    "/exceptions",
    "/exceptions/csv",
    "/tasks",
    "/logs",
    "/chatbench",
    "/chatbench/data",
    "/chatbench/whole",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Listening]:
    with listening(
        [CHATBENCH, "serve", "--port", "0", "--accounts", "20", "--lift-limits", "--exit-with-stdin"]
    ) as started:
        yield started


def watched(*arguments: str, cwd: Path) -> tuple[str, set[str]]:
    """Run the command to its end: what it has said, and the command lines of all processes that it started."""
    command_lines: set[str] = set()
    output = cwd / "said.txt"
    with (
        output.open("wb") as stream,
        subprocess.Popen(
            [CHATBENCH, *arguments],
            cwd=cwd,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        while process.poll() is None:
            with suppress(psutil.Error):
                itself = psutil.Process(process.pid)
                children = itself.children(recursive=True)
                # One that is about to become another program has the command line of who started it.
                command_lines |= {" ".join(child.cmdline()) for child in children} - {" ".join(itself.cmdline())}
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
    return output.read_text(encoding="utf-8"), command_lines


@pytest.mark.parametrize(
    ("command", "scenario", "flags"),
    [
        ("ab", SCENARIO, ("--pairs", "1", "--max-pairs", "1")),
        ("capacity", SCENARIO, ("--of", "rate", "--start", "20", "--most", "20", "-d", "500ms")),
        ("run", SWEEP, ("--no-html",)),
    ],
    ids=["ab", "capacity", "sweep"],
)
def test_runs_that_a_command_starts_have_no_secret_in_their_command(
    command: str, scenario: str, flags: tuple[str, ...], server: Listening, tmp_path: Path
) -> None:
    """They know them by their environment, get in, and nothing of them is written down."""
    (tmp_path / "short.toml").write_text(scenario, encoding="utf-8")
    url = owned(server.url)
    there = ("--base", url, "--head", url) if command == "ab" else ("--target", url)
    said, command_lines = watched(command, "short.toml", *there, *flags, *HEADERS, *OUT, cwd=tmp_path)

    assert any(" run " in line for line in command_lines), said
    assert secrets_in(said, *command_lines) == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len([path for path in files if path.name == "result.json"]) >= 2, said
    assert files_with_secrets(files) == []


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_the_doctor_shows_no_secret(form: tuple[str, ...], tmp_path: Path) -> None:
    """Though it shows what was sent and what came back."""
    (tmp_path / "tokens.txt").write_text(f"{A_TOKEN}\n", encoding="utf-8")
    (tmp_path / "handshake.toml").write_text(BY_HANDSHAKE, encoding="utf-8")
    with talking_server(repeat) as url:
        told = ("--dialect", "handshake.toml", "--tokens-file", "tokens.txt", *HEADERS)
        done = chatbench("doctor", "--target", owned(url), *told, *form, cwd=tmp_path)

    assert "403" in done.stdout
    assert secrets_in(done.stdout, done.stderr) == []


def posted(address: tuple[str, int], path: str, **form: str) -> int:
    """Send a form of Locust's page; the status of the answer."""
    connection = HTTPConnection(*address, timeout=PATIENCE_S)
    with closing(connection):
        connection.request("POST", path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
        return connection.getresponse().status


def shown_by_locust(address: tuple[str, int]) -> list[str]:
    """All its pages and downloads."""
    answers = [get(address, path) for path in LOCUSTS]
    assert [path for path, answer in zip(LOCUSTS, answers, strict=True) if answer.status != 200] == []
    return [answer.body.decode() for answer in answers]


def test_locust_shows_no_secret(server: Listening, tmp_path: Path) -> None:
    """On its pages, in what it lets download, in its log of all details, in its files and in ours.

    The host that its form proposes stands for the one that was given.
    """
    load = ("smoke", "--rooms", "1", "--rate", "20", "--warmup", "0s", "--drain", "500ms", "--out", "run")
    web = ("--web-host", "127.0.0.1", "--web-port", "0")
    files = ("--csv", "table", "--html", "locust.html", "--loglevel", "DEBUG")
    with locust(*load, *web, *files, "--host", owned(server.url), *HEADERS, cwd=tmp_path) as running:
        address = address_in(running.web_url())
        proposed = server.url.replace("//", "//me:***@")
        told = shown_by_locust(address)
        assert any(proposed in page for page in told)
        assert posted(address, "/swarm", user_count="10", spawn_rate="50", host=proposed) == 200
        eventually(lambda: b'"delivery"' in get(address, "/stats/requests").body, "deliveries in its table")
        told += shown_by_locust(address)
        assert posted(address, "/stop") == 200
        eventually((running.directory / "result.json").exists, "the document of the run")
        told += shown_by_locust(address)
        running.interrupt()
        running.finish()

    assert running.document["counters"]["deliveries_received"] > 0
    assert secrets_in(running.said, *told) == []
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"table_stats.csv", "locust.html"} <= {path.name for path in left}, running.said
    assert files_with_secrets(left) == []
