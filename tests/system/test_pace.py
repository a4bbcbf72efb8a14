"""Who writes, and in which rhythm, through the real command: the plan is kept, by any number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.benches import (
    FAST_SERVER,
    RELAY_DIALECT,
    books_close,
    chatbench,
    document_in,
    errors_of,
    unless_starved,
)
from tests.support.programs import Listening, listening

pytestmark = pytest.mark.system

# Rooms have members in every process: five are a multiple of neither two nor three.
USERS = """
[users]
count = 48
active = 0.4
connect_rate_per_s = 1000
rooms = { shape = "uniform", count = 5 }
[phases]
warmup = "200ms"
measure = "1200ms"
drain = "500ms"
[traffic]
"""
RHYTHMS = {
    "pareto": 'gaps = "pareto"\nalpha = 1.6\nrate_per_s = 80\n',
    "think": 'gaps = "think"\nthink = { min = "50ms", max = "300ms", factors = [{ times = 1 }, { times = 4 }] }\n',
    "rate stages": 'rate_per_s = 20\nrate_stages = ["400ms:150", "0s:60", "400ms:60"]\n',
}
COUNTED = ("messages_due", "messages_sent", "deliveries_expected", "deliveries_received")


@pytest.fixture(scope="module")
def relay() -> Iterator[Listening]:
    with listening(FAST_SERVER) as server:
        yield server


def run(relay: Listening, cwd: Path, text: str, *flags: str) -> dict[str, Any]:
    """The document of a run in which no server went wrong."""
    (cwd / "mine.toml").write_text(text, encoding="utf-8")
    how = ("--quiet", "--no-plots", "--no-html", "--force", "--target", relay.url, "--dialect", RELAY_DIALECT)
    ended = chatbench("run", "mine.toml", *how, *flags, "--out", "run", cwd=cwd)
    assert ended.returncode in (0, 97), ended.stderr
    document = document_in(cwd / "run")
    assert books_close(document)
    assert errors_of(document) == {}
    return document


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_a_rhythm_gives_the_same_counters_with_any_number_of_processes(
    relay: Listening, tmp_path: Path, rhythm: str
) -> None:
    """Each process finds what its own users write, and nothing is written twice or by nobody."""
    counts = [
        run(relay, tmp_path, USERS + RHYTHMS[rhythm], "--processes", processes)["counters"] for processes in ("1", "3")
    ]

    one, three = ({name: of[name] for name in COUNTED} for of in counts)
    assert one == three
    assert one["messages_sent"] == one["messages_due"] > 40
    assert one["deliveries_received"] == one["deliveries_expected"] > 8 * one["messages_sent"]


def test_in_a_closed_loop_thinkers_think_after_each_answer(relay: Listening, tmp_path: Path) -> None:
    """Twenty who think for 200 ms each: a hundred a second, less what answers take."""
    text = USERS.replace("48", "20").replace("0.4", "1.0") + (
        'loop = "closed"\ngaps = "think"\nthink = { min = "150ms", max = "250ms" }\n'
    )
    document = unless_starved(lambda: (0, run(relay, tmp_path, text)))[1]
    counts = document["counters"]

    assert 60 <= counts["messages_sent"] == counts["messages_due"] <= 130
    assert counts["acks_received"] == counts["messages_sent"]


def test_stages_may_have_all_come_at_once(relay: Listening, tmp_path: Path) -> None:
    """A step of no length, half of whom leave in another one; a scale lets it take a second instead of an hour."""
    text = (
        '[users]\nstages = ["0s:20", "1h:20", "0s:10", "1h:10"]\n[traffic]\nrate_per_s = 40\n'
        '[phases]\ntime_scale = 2400\ndrain = "500ms"\n'
    )
    document = run(relay, tmp_path, text)
    counts, open_counts = document["counters"], document["series"]["connections"]

    assert document["plan"]["phases.measure"]["value"] == "3s"
    assert counts["connections_opened"] == counts["connections_planned"] == counts["users_planned"] == 20
    assert max(open_counts) <= 20
    assert counts["messages_sent"] > 0
