"""Texts that a server has changed, and are known all the same."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.measure import marker
from loadgen.measure.disguises import disguised_at, in_base64
from loadgen.measure.marker import Stamp

PREFIX = marker.prefix_of("c0ffee")
MARK = marker.write(PREFIX, Stamp(1, 2, 3, 4))


def in_entities(text: bytes, pattern: str) -> bytes:
    return "".join(pattern % code for code in text).encode()


@pytest.mark.parametrize(
    "change",
    [
        bytes.upper,
        lambda text: in_entities(text, "&#%d;"),
        lambda text: in_entities(text, "&#x%x;"),
        lambda text: in_entities(text, "&#x%X;"),
    ],
    ids=["capitals", "decimal", "hexadecimal", "hexadecimal in capitals"],
)
def test_a_marker_in_another_form_is_found(change: Callable[[bytes], bytes]) -> None:
    """Wherever it stands."""
    assert disguised_at(b"MSG|" + change(MARK), PREFIX) == 4
    assert disguised_at(change(MARK), marker.prefix_of("ffffff")) is None


@given(st.binary(max_size=10), st.binary(max_size=10))
def test_a_marker_in_base64_is_found_wherever_it_begins(before: bytes, after: bytes) -> None:
    """Three bytes are four digits, so there are three ways."""
    text = base64.b64encode(before + MARK + after)

    assert disguised_at(text, PREFIX) is not None


@given(st.binary(max_size=8), st.binary(max_size=8), st.binary(min_size=1, max_size=30))
def test_of_a_text_in_base64_only_what_is_sure_is_looked_for(before: bytes, after: bytes, text: bytes) -> None:
    """A digit that shares bits with what stands beside the text is left out."""
    whole = base64.b64encode(before + text + after).decode()

    assert in_base64(text)[len(before) % 3] in whole


@given(st.binary(max_size=200))
def test_other_frames_hold_no_marker(frame: bytes) -> None:
    """Neither do those that are as they were sent: the ledger has them."""
    assert disguised_at(frame, PREFIX) is None
    assert disguised_at(b"MSG|" + MARK, PREFIX) is None
