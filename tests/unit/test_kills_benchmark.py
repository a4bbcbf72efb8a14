"""What is killed when, and what a run with kills is held to."""

from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks.kills.blows import GAP_S, INSTANCES, WORKERS, Blow, Deed, blows
from benchmarks.kills.judging import NONE_OF, Outcome, lines_of, sentence
from benchmarks.kills.presence import expected_rooms
from tests.support.documents import a_storm_document


def test_every_deed_is_done_once_and_then_by_chance() -> None:
    """The same ones for one seed, 5 to 15 s apart, and none after the end."""
    told = list(blows(3, until_s=600))

    assert told == list(blows(3, until_s=600)) != list(blows(4, until_s=600))
    assert {blow.deed for blow in told[: len(Deed)]} == set(Deed)
    assert all(GAP_S[0] <= after.at_s - before.at_s <= GAP_S[1] for before, after in pairwise(told))
    assert told[-1].at_s < 600
    assert {blow.victim for blow in told if blow.deed is Deed.KILL_WORKER} == set(range(WORKERS))
    assert {blow.victim for blow in told if blow.deed is Deed.END_INSTANCE} <= set(range(INSTANCES))


def test_everybody_is_in_one_room() -> None:
    """As the scenario's rooms have them."""
    assert expected_rooms(5, 2) == {
        "room-1": {"user-000001", "user-000003", "user-000005"},
        "room-2": {"user-000002", "user-000004"},
    }


def an_outcome(counters: dict[str, int], wrong_presence: tuple[str, ...] = ()) -> Outcome:
    """One that has passed, but for these."""
    document = a_storm_document()
    document["counters"] |= dict.fromkeys(NONE_OF, 0) | {"acks_received": 90, "reconnects": 9} | counters
    document["doubts"] = []
    document["incidents"] = [{"messages_recovered": 3}]
    return Outcome(document, [Blow(3.0, Deed.KILL_REDIS, 0, 1.5)], wrong_presence, ())


def test_a_run_without_faults_passes() -> None:
    """Whatever was not acknowledged may be lost."""
    outcome = an_outcome({"deliveries_lost_unacked": 7})

    assert outcome.faults == []
    assert sentence(outcome).startswith("PASS: 1 kills, freezes and restarts; 9 times a user came back.")


@pytest.mark.parametrize(
    "outcome",
    [
        *(an_outcome({name: 1}) for name in NONE_OF),
        an_outcome({"acks_received": 0}),
        an_outcome({"reconnects": 0}),
        an_outcome({}, wrong_presence=("/users/online: 1 missing (ann, ...)",)),
    ],
)
def test_one_fault_is_enough_to_fail(outcome: Outcome) -> None:
    """And it is told; so is a run that says nothing."""
    (fault,) = outcome.faults

    assert f"  FAILED: {fault}" in lines_of(outcome)
    assert sentence(outcome).startswith("FAIL: ")


def test_a_busy_machine_spoils_the_times_alone() -> None:
    """Counts are judged all the same; what spoils these makes the run invalid."""
    outcome = an_outcome({})
    late, died = ({"code": code, "severity": "fatal", "detail": code} for code in ("generator_late", "worker_died"))
    outcome.document["doubts"] = [late]
    assert (outcome.faults, outcome.doubts) == ([], ["generator_late"])

    outcome.document["doubts"] = [late, died]
    assert outcome.faults == ["the run is invalid: worker_died"]
