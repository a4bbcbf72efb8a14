"""Which cores are whose."""

from __future__ import annotations

import os

import pytest

from loadgen.errors import InputError
from scenarios.pinning import cores_from, separate_cores

OURS = sorted(os.sched_getaffinity(0))


def test_cores_are_named_by_their_numbers() -> None:
    """As taskset counts them."""
    assert cores_from(",".join(map(str, OURS)), "--worker-cores") == frozenset(OURS)


@pytest.mark.parametrize("text", ["", "x", "-1", "100000", f"{OURS[0]},", "0-1"])
def test_a_core_that_is_not_ours_is_refused(text: str) -> None:
    """Before anything has started; the message says which there are."""
    with pytest.raises(InputError, match=rf"^--worker-cores: expected some of the cores {OURS[0]}"):
        cores_from(text, "--worker-cores")


@pytest.mark.parametrize(
    ("core_count", "server_count", "server"),
    [(8, 1, {0}), (8, 3, {0, 1, 2}), (2, 2, {0}), (3, 2, {0, 1}), (1, 1, None)],
)
def test_each_process_of_the_server_has_a_core_where_there_are_enough(
    monkeypatch: pytest.MonkeyPatch, core_count: int, server_count: int, server: set[int] | None
) -> None:
    """The generator has one at least, and all that are left."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(core_count)))
    pinning = separate_cores(server_count)

    assert (None if pinning is None else set(pinning.server)) == server
    if pinning is not None:
        assert pinning.generator == frozenset(range(core_count)) - pinning.server
