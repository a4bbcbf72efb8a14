"""What kept a run from more is named with the figures that say so."""

from __future__ import annotations

from typing import Any

import pytest

from reports.limit import limit_of
from tests.support.documents import a_document, a_late_document

LATE = {"code": "generator_late", "severity": "fatal", "detail": "messages left 14 ms late", "advice": "send less"}
DEAD = {"code": "worker_died", "severity": "fatal", "detail": "a process ended", "advice": "see run.log"}
A_BROKEN_BUDGET = [{"expression": "delivery_time: p(99) < 250ms", "observed": 300.0, "ok": False}]


def crowded(
    *doubts: dict[str, Any], others_cpu_ratio: float | None = 0.34, cpu_ratio: float | None = 0.97, **changes: Any
) -> dict[str, Any]:
    """A document of a machine that ran other programs too, and had nothing left."""
    machine = {"others_cpu_ratio": others_cpu_ratio, "cpu_ratio": cpu_ratio}
    return a_document(doubts=list(doubts), machine=machine, **changes)


def a_worker(pid: int, cpu_ratio: float | None, late_ms: float) -> dict[str, Any]:
    return {"pid": pid, "cpu_ratio": cpu_ratio, "rss_bytes": 1, "descriptors": 1, "send_lateness_p99_ms": late_ms}


def test_a_run_within_its_budgets_has_no_limit() -> None:
    """Nothing was at its end."""
    assert limit_of(a_document())["side"] == "none"


def test_the_busiest_of_the_servers_processes_is_at_its_limit() -> None:
    """What they use together says nothing of any of them."""
    nodes = [{"name": "node-1", "cpu_ratio": 0.6}, {"name": "node-2", "cpu_ratio": 0.7}]

    assert limit_of(a_document(server={"cpu_ratio": 1.3, "processes": nodes}))["side"] == "none"
    nodes[1]["cpu_ratio"] = 0.97
    limit = limit_of(a_document(server={"cpu_ratio": 1.57, "processes": nodes}))
    assert limit["side"] == "server"
    assert limit["reason"].startswith("node-2 used 97% of a core")


def test_a_late_generator_on_a_machine_of_its_own_is_the_limit() -> None:
    """Nobody else is to blame."""
    limit = limit_of(a_late_document())

    assert limit["side"] == "generator"
    assert "14.2 ms" in limit["reason"]


def test_a_late_generator_on_a_crowded_machine_was_kept_from_its_cpu() -> None:
    """The reason names how much others took, and what came of it."""
    limit = limit_of(crowded(LATE))

    assert limit["side"] == "machine"
    assert limit["reason"] == "messages left 14 ms late; programs that are not ours used 34% of the machine"


@pytest.mark.parametrize("cpu_ratio", [None, 0.6, 0.9])
def test_a_late_generator_on_a_crowded_core_of_a_machine_with_free_ones_is_the_limit(cpu_ratio: float | None) -> None:
    """It was kept to too little; who took it is said all the same."""
    limit = limit_of(crowded(LATE, cpu_ratio=cpu_ratio))

    assert limit["side"] == "generator"
    assert "programs that are not ours used 34%" in limit["reason"]


@pytest.mark.parametrize("others_cpu_ratio", [None, 0.0, 0.2])
def test_a_fifth_of_the_machine_is_no_excuse(others_cpu_ratio: float | None) -> None:
    """Nor is what is not known."""
    assert limit_of(crowded(LATE, others_cpu_ratio=others_cpu_ratio))["side"] == "generator"


def test_a_worker_that_died_did_not_die_of_a_crowd() -> None:
    """Others take CPU, which explains lateness and nothing else."""
    assert limit_of(crowded(LATE, DEAD))["side"] == "generator"


def test_a_crowd_that_hurt_nobody_is_no_limit() -> None:
    """While the generator keeps its times, the run is what it is."""
    assert limit_of(crowded())["side"] == "none"
    assert limit_of(crowded(budgets=A_BROKEN_BUDGET))["side"] == "server"


def test_a_server_that_is_not_ours_may_be_the_crowd() -> None:
    """We cannot tell it from other programs, and say so."""
    assert "the server among them" in limit_of(crowded(LATE, owned=False))["reason"]


def test_a_document_of_before_the_machine_was_watched_is_judged() -> None:
    """Old run directories stay readable."""
    document = crowded(LATE)
    del document["machine"]

    assert limit_of(document)["side"] == "generator"


def test_the_ease_of_one_worker_is_told_plainly() -> None:
    """No need to say which."""
    reason = limit_of(a_document(budgets=A_BROKEN_BUDGET))["reason"]

    assert reason.endswith("the generator was at ease: 36% of a core and sent within 0.4 ms of the due time (p99)")


def test_the_ease_of_several_workers_is_that_of_the_busiest() -> None:
    """An average would hide the one at its end; one without a figure counts for nothing."""
    workers = [a_worker(11, 0.2, 0.1), a_worker(12, 0.61, 0.9), a_worker(13, None, 5.0)]
    reason = limit_of(a_document(budgets=A_BROKEN_BUDGET, generator={"processes": workers}))["reason"]

    assert "its busiest worker of 3 (pid 12) used 61% of a core and sent within 0.9 ms" in reason


def test_a_server_at_the_end_of_its_core_is_its_own_limit() -> None:
    """And so is one that let nobody in; a server that is not ours has no figure."""
    full = a_document()
    full["server"]["cpu_ratio"] = 0.99
    closed = a_document(ended_early="login_refused", owned=False)

    assert limit_of(full)["side"] == limit_of(closed)["side"] == "server"
    assert limit_of(full)["reason"].startswith("the server used 99% of a core; ")
    assert limit_of(closed)["reason"].startswith("nobody could log in; ")


@pytest.mark.parametrize(
    "expression", ["loop_lag: p(99) < 1ms", "send_lateness: max < 5ms", "generator_memory: growth < 1MB/h"]
)
def test_a_broken_budget_on_the_generator_is_not_the_servers(expression: str) -> None:
    """The server has no part in it; where it breaks one of its own as well, it is named for that alone."""
    ours = {"expression": expression, "observed": 9.0, "ok": False}

    assert limit_of(a_document(budgets=[ours])) == {"side": "generator", "reason": f"{expression} was broken"}
    both = limit_of(a_document(budgets=[ours, *A_BROKEN_BUDGET]))
    assert both["side"] == "server"
    assert expression not in both["reason"]
