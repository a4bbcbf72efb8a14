"""The stamp in each message, and the words around it."""

from __future__ import annotations

import json
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.measure import marker
from loadgen.measure.marker import WIDTH, Stamp
from loadgen.measure.payload import Payload
from loadgen.plan.rooms import MOST_LAYERS

PREFIX = marker.prefix_of("0a1b2c")
STAMPS = st.builds(
    lambda sender, sequence, due, late, to: Stamp(sender, sequence, due, due + late, *to),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63 - 2**48),
    st.integers(0, 2**48 - 1),
    st.tuples(st.integers(0, 2**32 - 1 - MOST_LAYERS)) | st.tuples(st.none(), st.integers(0, MOST_LAYERS - 1)),
)


@given(STAMPS)
def test_what_is_written_is_read(stamp: Stamp) -> None:
    """All fields come back, and the width never changes."""
    text = marker.write(PREFIX, stamp)

    assert len(text) == WIDTH
    assert text.startswith(PREFIX)
    assert marker.read(text) == stamp


@given(STAMPS, st.integers(len(PREFIX), WIDTH - 1), st.binary(min_size=1, max_size=1))
def test_any_changed_byte_is_noticed(stamp: Stamp, place: int, byte: bytes) -> None:
    """A damaged marker is never taken for another message."""
    text = marker.write(PREFIX, stamp)
    damaged = text[:place] + byte + text[place + 1 :]

    assert damaged == text or marker.read(damaged) != stamp


@given(STAMPS, st.integers(0, WIDTH - 1))
def test_a_marker_cut_short_is_no_marker(stamp: Stamp, length: int) -> None:
    """Servers that shorten texts are found out."""
    assert marker.read(marker.write(PREFIX, stamp)[:length]) is None


@given(STAMPS)
def test_a_marker_survives_every_envelope_unescaped(stamp: Stamp) -> None:
    """JSON, XML and URLs leave it as it is, so it can be found without decoding anything."""
    text = marker.write(PREFIX, stamp).decode()

    assert json.dumps(text) == f'"{text}"'
    assert escape(text) == text
    assert quote(text) == text


@given(STAMPS, st.text(), st.text())
def test_a_marker_of_another_run_is_told_apart(stamp: Stamp, before: str, after: str) -> None:
    """Wherever it stands, and whether or not one of ours stands beside it."""
    ours, other = marker.write(PREFIX, stamp), marker.write(marker.prefix_of("ffffff"), stamp)
    words, more = before.encode(), after.encode()

    assert not marker.foreign_in(words + ours + more, PREFIX)
    assert marker.foreign_in(words + other + more, PREFIX)
    assert marker.foreign_in(words + ours + more + other, PREFIX)


@given(STAMPS, st.integers(0, WIDTH - 1))
def test_a_damaged_marker_belongs_to_nobody(stamp: Stamp, place: int) -> None:
    """Without fitting check digits there is no telling whose it was."""
    other = marker.write(marker.prefix_of("ffffff"), stamp)

    assert not marker.foreign_in(other[:place] + b"?" + other[place + 1 :], PREFIX)
    assert not marker.foreign_in(other[:place], PREFIX)


def test_the_first_letters_of_a_marker_are_no_marker() -> None:
    """Chat may well hold them."""
    assert not marker.foreign_in(b"", PREFIX)
    assert not marker.foreign_in(b"cbm", PREFIX)
    assert not marker.foreign_in(b"cbmcbm" * WIDTH, PREFIX)


@pytest.mark.parametrize("tag", ["", "abc", "ABCDEF", "0a1b2g", "0a1b2c3"])
def test_a_tag_has_six_hexadecimal_digits(tag: str) -> None:
    """Anything else would change the width."""
    with pytest.raises(ValueError, match="hexadecimal digits"):
        marker.prefix_of(tag)


@given(st.integers(WIDTH, 5_000), st.integers(0, 100_000))
def test_a_payload_has_the_length_asked_for_and_ends_with_the_marker(length: int, n: int) -> None:
    """The marker is last, so that the receive path need not look for another behind it."""
    text = Payload(1, length).text(n, b"M" * WIDTH)

    assert len(text.encode()) == length
    assert text.endswith("M" * WIDTH)


def test_a_payload_of_one_seed_is_always_the_same_and_differs_between_messages() -> None:
    """Settled by the seed; not so uniform that a compressing server would look good."""
    texts = [Payload(5, 300).text(n, b"M" * WIDTH) for n in range(50)]

    assert texts == [Payload(5, 300).text(n, b"M" * WIDTH) for n in range(50)]
    assert len(set(texts)) == 50
    assert texts[0] != Payload(6, 300).text(0, b"M" * WIDTH)


def test_a_payload_too_short_for_the_marker_is_refused() -> None:
    """Such a run could measure nothing."""
    with pytest.raises(ValueError, match="marker"):
        Payload(1, WIDTH - 1)
