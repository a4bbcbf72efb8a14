"""One run in several processes, by either transport, is one run: the same messages, the same deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadgen.plan.incidents import Backoff, Incident, IncidentKind
from tests.support.benches import (
    FAST_SERVER,
    RELAY_DIALECT,
    books_close,
    chatbench,
    document_in,
    errors_of,
)
from tests.support.programs import Listening, listening

pytestmark = pytest.mark.system

SEED = 1
# Product.md, Metrics: these do not depend on who carries the load.
COUNTED = (
    "messages_due",
    "messages_sent",
    "deliveries_expected",
    "deliveries_received",
    "deliveries_lost",
    "deliveries_duplicated",
)
# Rooms have members in every process: five are a multiple of neither two nor three.
CALM = """
[users]
count = 48
connect_rate_per_s = 1000
rooms = { shape = "uniform", count = 5 }

[traffic]
rate_per_s = 60

[phases]
warmup = "200ms"
measure = "1200ms"
drain = "500ms"
"""
STORM = """
[users]
count = 40
connect_rate_per_s = 1000

[traffic]
rate_per_s = 40

[phases]
warmup = "0s"
measure = "3s"
drain = "1s"

[[incident]]
kind = "reconnect_storm"
at = "1s"
share = 0.5
backoff = "exponential_jitter"
"""


@pytest.fixture(scope="module")
def relay() -> Iterator[Listening]:
    with listening(FAST_SERVER) as server:
        yield server


def against(relay: Listening) -> tuple[str, ...]:
    """The flags that make the relay the target."""
    return ("--target", relay.url, "--dialect", RELAY_DIALECT)


def run(cwd: Path, scenario: str, process_count: int, *flags: str) -> dict[str, Any]:
    """The document of a run by so many processes, in which no server went wrong.

    It may be late where the machine is busy, and so be invalid: what is counted is the same.
    """
    (cwd / "mine.toml").write_text(scenario, encoding="utf-8")
    how = ("--seed", str(SEED), "--processes", str(process_count), "--quiet", "--no-plots", "--no-html", "--force")
    ended = chatbench("run", "mine.toml", *how, *flags, "--out", "run", cwd=cwd)
    assert ended.returncode in (0, 97), ended.stderr
    document = document_in(cwd / "run")
    assert len(document["generator"]["processes"]) == process_count
    assert books_close(document)
    assert errors_of(document) == {}
    return document


def calm_counts(cwd: Path, process_count: int, *flags: str) -> dict[str, int]:
    """What was counted in a calm run."""
    counts = run(cwd, CALM, process_count, *flags)["counters"]
    assert counts["connections_opened"] == 48
    return {name: counts[name] for name in COUNTED}


def test_one_seed_gives_the_same_counters_with_any_number_of_processes_and_either_transport(
    relay: Listening, tmp_path: Path
) -> None:
    """On any server at ease, too: on the relay and on the reference server."""
    one = calm_counts(tmp_path, 1, *against(relay))
    assert one["messages_sent"] == one["messages_due"] > 0
    assert one["deliveries_received"] == one["deliveries_expected"] > 8 * one["messages_sent"]

    assert calm_counts(tmp_path, 3, *against(relay)) == one
    assert calm_counts(tmp_path, 2, *against(relay), "--transport", "websockets") == one
    assert calm_counts(tmp_path, 3, "--transport", "websockets") == one


@pytest.mark.parametrize("process_count", [1, 2])
def test_half_of_the_users_reconnect_and_nothing_that_was_acknowledged_is_lost(
    relay: Listening, tmp_path: Path, process_count: int
) -> None:
    """What was under way to them is excused; all come back, and none of it is an error."""
    document = run(tmp_path, STORM, process_count, *against(relay))
    counts = document["counters"]
    storm = Incident(IncidentKind.RECONNECT_STORM, 0, 0.5, backoff=Backoff.EXPONENTIAL_JITTER)
    cut_count = sum(storm.hits(user, SEED) for user in range(40))

    assert 10 < cut_count < 30
    assert counts["reconnects"] == document["metrics"]["reconnect_time"]["count"] == cut_count
    assert counts["connections_opened"] == counts["connections_planned"] == 40 + cut_count
    for name in ("connections_dropped", "connections_failed", "deliveries_lost", "deliveries_lost_acked"):
        assert counts[name] == 0, name
    for name in ("duplicated", "unexpected", "reordered"):
        assert counts[f"deliveries_{name}"] == 0, name
    assert counts["messages_due"] == counts["messages_sent"] + counts["messages_unsent"] > 100


def test_the_reference_server_takes_a_storm_as_well(tmp_path: Path) -> None:
    """With the tokens the users have: nobody logs in again."""
    document = run(tmp_path, STORM, 2)
    counts = document["counters"]

    assert counts["reconnects"] == document["metrics"]["reconnect_time"]["count"] > 10
    assert document["metrics"]["login_time"]["count"] == 40
    for name in ("lost_acked", "duplicated", "unexpected"):
        assert counts[f"deliveries_{name}"] == 0, name
