"""What a long run is held to."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.soak.judging import figures_of, sentence_of
from tests.support.documents import a_document


def grown(per_h: float) -> dict[str, float]:
    return {"first": 1e8, "last": 1e8, "per_h": per_h}


STEADY = {
    "window_s": 3_240.0,
    "delivery_time_p50": {"first": 2.0, "last": 2.1, "ratio": 1.05},
    "server_memory": grown(4e6),
    "generator_memory": grown(-1e6),
    "coordinator_memory": grown(2e7),
    "server_descriptors": grown(0.0),
    "generator_descriptors": grown(0.0),
}


def missed(document: dict[str, Any]) -> list[str]:
    return [figure.what for figure in figures_of(document) if not figure.held]


def test_a_run_that_ends_as_it_began_holds() -> None:
    """And is told with its load and its length."""
    document = a_document(drift=STEADY, rates={"window_s": 3_600.0})

    assert missed(document) == []
    assert sentence_of(document, 0.6) == (
        "60 minutes at 40.0 messages/s, 60% of what the server was found to carry: 400,000 of 400,000 deliveries "
        "received, 0 lost. The p50 of the last third was 1.05 times that of the first. All that is looked at stayed as "
        "it was."
    )


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"server_memory": grown(11e6)}, "server memory"),
        ({"generator_descriptors": grown(-7.0)}, "generator descriptors"),
        ({"delivery_time_p50": {"first": 2.0, "last": 3.0, "ratio": 1.5}}, "p50, last third beside first"),
    ],
)
def test_what_grows_or_gets_slower_is_named(changed: dict[str, Any], what: str) -> None:
    document = a_document(drift=STEADY | changed)

    assert missed(document) == [what]
    assert f"Not as it should be: {what}." in sentence_of(document, None)


def test_what_was_not_measured_does_not_hold() -> None:
    """A window too short for slopes; lost deliveries beside."""
    lost = missed(a_document(drift=None, deliveries_lost=3))

    assert "deliveries lost" in lost
    assert {"server memory", "coordinator memory", "server descriptors", "p50, last third beside first"} <= set(lost)
