"""``chatbench run --prometheus``: told while it goes on, and to the end; without a port nothing starts."""

from __future__ import annotations

import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.benches import FEW, LONG, WORKER, Bench, bench, chatbench, document_in, eventually
from tests.support.patience import PATIENCE_S
from tests.support.samples import Samples, exposed, samples_in, scrape
from tests.support.silent_port import refusing_port, silent_port

pytestmark = pytest.mark.system

SENT, VERDICT = "chatbench_messages_sent_total", "chatbench_verdict"


def url_said_by(running: Bench) -> str:
    """Where a run says that its figures are."""
    running.wait_for("/metrics")
    found = re.fullmatch(r"metrics  (http://127\.0\.0\.1:\d+/metrics)\n", running.said[-1])
    assert found, running.said
    return found[1]


def looks_at(url: str) -> Iterator[Samples]:
    """One scrape after the other, for as long as somebody answers."""
    stopped = threading.Event()
    while True:
        try:
            yield samples_in(scrape(url))
        except (OSError, HTTPException):
            return
        stopped.wait(0.05)


def test_a_run_is_told_while_it_goes_on_and_to_its_end(tmp_path: Path) -> None:
    """No counter ever shrinks; the last figures are those of the document, while its pictures are drawn."""
    with bench(
        *FEW, "--duration", "2s", "--drain", "200ms", "--prometheus", "0", cwd=tmp_path, pictures=True
    ) as running:
        looks = list(looks_at(url_said_by(running)))
        running.finish()

    document = document_in(running.directory)
    phases = {key for samples in looks for key in samples if key.startswith("chatbench_phase")}
    assert "chatbench_phase{phase=measure}" in phases
    assert any(0 < samples.get(SENT, 0) < document["counters"]["messages_sent"] for samples in looks)
    for before, after in pairwise(looks):
        counted = {key for key in before if "_total" in key}
        assert {key for key in counted if after[key] < before[key]} == set()
    assert looks[-1] == samples_in(exposed(document))
    assert looks[-1][f"{VERDICT}{{verdict={document['verdict']}}}"] == 1


def test_an_interrupt_leaves_no_port(tmp_path: Path) -> None:
    """As it leaves no process."""
    with bench(*LONG, "--prometheus", "0", cwd=tmp_path) as running:
        url = url_said_by(running)
        eventually(lambda: samples_in(scrape(url)).get(SENT), "messages")
        running.send(signal.SIGINT)

        running.ends_with(105, within_s=PATIENCE_S)

    port = urlsplit(url).port
    assert port is not None
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), PATIENCE_S):
        pass


def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    """In a line; no directory is left."""
    with silent_port() as port:
        ended = chatbench("run", "smoke", "--prometheus", str(port), "--out", "run", cwd=tmp_path)

    assert (ended.returncode, ended.stdout) == (104, "")
    assert ended.stderr == f"chatbench: --prometheus: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    assert list(tmp_path.iterdir()) == []


def test_a_quiet_run_says_nothing_of_its_port(tmp_path: Path) -> None:
    """Whoever asks for silence names the port."""
    port = refusing_port()
    with bench(*LONG, "--prometheus", str(port), "--quiet", cwd=tmp_path) as running:
        running.part(WORKER)
        assert "chatbench_run_info" in scrape_until_told(f"http://127.0.0.1:{port}/metrics")
        running.send(signal.SIGINT)
        running.ends_with(105, within_s=PATIENCE_S)

    assert running.all_said() == ""


def scrape_until_told(url: str) -> str:
    """What is answered as soon as there is something to tell."""
    text = ""

    def look() -> str:
        nonlocal text
        text = scrape(url)
        return text

    eventually(look, "a first snapshot")
    return text


SWEEP = """
[users]
count = 10
connect_rate_per_s = 200
[phases]
warmup = "0s"
measure = "2s"
drain = "200ms"
[sweep]
payload_bytes = [100, 1_000]
"""


@pytest.mark.parametrize("command", [("run",), ("capacity", "--most", "20", "--budget", "deliveries_lost: count == 0")])
def test_runs_one_after_the_other_cannot_each_have_a_free_port(command: tuple[str, ...], tmp_path: Path) -> None:
    """Nobody would know where to look; said before anything starts."""
    (tmp_path / "short.toml").write_text(SWEEP if command == ("run",) else "")
    ended = chatbench(*command, "short.toml", "--prometheus", "0", "--out", "there", cwd=tmp_path)

    assert (ended.returncode, ended.stdout) == (104, "")
    assert re.fullmatch(r"chatbench: --prometheus: expected a port that all .*, got 0\n", ended.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["short.toml"]


def test_runs_one_after_the_other_have_the_same_port(tmp_path: Path) -> None:
    """Whoever scrapes it sees the one run after the other."""
    (tmp_path / "short.toml").write_text(SWEEP)
    port, seen = refusing_port(), set()
    with bench("short.toml", "--prometheus", str(port), cwd=tmp_path) as running:

        def look() -> bool:
            with suppress(OSError, HTTPException):  # none of them is running
                seen.update(re.findall(r'scenario="([^"]*)"', scrape(f"http://127.0.0.1:{port}/metrics")))
            return running.process.poll() is not None

        eventually(look, "the end of the sweep", within_s=3 * PATIENCE_S)
        assert running.finish() in (0, 97)

    assert seen == {"short-01-100", "short-02-1000"}
