"""Which cores are whose."""

from __future__ import annotations

import os

import pytest

from loadgen.errors import InputError
from scenarios.pinning import cores_from

OURS = sorted(os.sched_getaffinity(0))


def test_cores_are_named_by_their_numbers() -> None:
    """As taskset counts them."""
    assert cores_from(",".join(map(str, OURS)), "--worker-cores") == frozenset(OURS)


@pytest.mark.parametrize("text", ["", "x", "-1", "100000", f"{OURS[0]},", "0-1"])
def test_a_core_that_is_not_ours_is_refused(text: str) -> None:
    """Before anything has started; the message says which there are."""
    with pytest.raises(InputError, match=rf"^--worker-cores: expected some of the cores {OURS[0]}"):
        cores_from(text, "--worker-cores")
