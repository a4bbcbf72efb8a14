"""What texts are made of, and how long they are."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.measure import marker
from loadgen.measure.marker import WIDTH, Stamp
from loadgen.measure.payload import Payload, payload_of
from loadgen.plan.pacing import BLOCK_SIZE
from loadgen.plan.payload_sizes import LogNormal, OneOf, PayloadBytes, Sizes, most_bytes
from tests.support.plans import a_plan

SIZES = st.integers(WIDTH, 5_000)
DRAWN = st.one_of(
    st.lists(SIZES, min_size=1, max_size=5).map(lambda sizes: OneOf(tuple(sizes))),
    st.builds(LogNormal, st.floats(WIDTH, 5_000), st.floats(0, 5), st.integers(5_000, 9_000)),
)
MARK = b"M" * WIDTH


def shrunk(payload: Payload, text_count: int) -> float:
    """What share is left of texts that one connection compresses, one after the other."""
    prefix, deflate, before, after = marker.prefix_of("a1b2c3"), zlib.compressobj(wbits=-15), 0, 0
    for n in range(text_count):
        text = payload.text(n, marker.write(prefix, Stamp(n % 500, n, n * 977_123, n * 977_123 + n))).encode()
        before += len(text)
        after += len(deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH))
    return after / before


@given(DRAWN, st.integers(0, 2**40), st.booleans())
def test_a_text_has_a_length_of_its_own_and_ends_with_the_marker(
    payload_bytes: PayloadBytes, n: int, compressible: bool
) -> None:
    """Between the marker's width and the longest there is."""
    text = Payload(1, payload_bytes, compressible=compressible).text(n, MARK)

    assert text.endswith(MARK.decode())
    assert WIDTH <= len(text.encode()) <= most_bytes(payload_bytes)


@given(DRAWN, st.integers(0, 100), st.lists(st.integers(0, 200_000), min_size=1, max_size=40))
def test_how_long_a_text_is_depends_on_seed_and_number_alone(
    payload_bytes: OneOf | LogNormal, seed: int, numbers: list[int]
) -> None:
    """So each process knows it, in whatever order it asks."""
    sizes = Sizes(seed, payload_bytes, WIDTH)
    once = {n: sizes.of(n) for n in numbers}

    assert {n: Sizes(seed, payload_bytes, WIDTH).of(n) for n in reversed(numbers)} == once


def test_the_same_lengths_come_again_after_many_blocks() -> None:
    """Only so many blocks are kept; one that was let go is drawn anew."""
    sizes = Sizes(3, OneOf(tuple(range(100, 1_000))), WIDTH)
    first = sizes.of(5)
    others = [sizes.of(block * BLOCK_SIZE) for block in range(1, 200)]

    assert len(set(others)) > 100
    assert sizes.of(5) == first


def test_each_length_of_a_list_is_as_likely() -> None:
    """One that stands there twice is twice as likely."""
    sizes = Sizes(1, OneOf((100, 100, 5_000)), WIDTH)
    drawn = [sizes.of(n) for n in range(30_000)]

    assert set(drawn) == {100, 5_000}
    assert abs(drawn.count(100) - 20_000) < 500


def test_half_of_the_lengths_of_a_distribution_are_below_its_median() -> None:
    """And a sixth is more than one sigma above it, as of every normal distribution: here of the logarithm."""
    sizes = Sizes(1, LogNormal(1_000, 0.5, 1_000_000), WIDTH)
    drawn = [sizes.of(n) for n in range(30_000)]

    assert abs(sum(size < 1_000 for size in drawn) / 30_000 - 0.5) < 0.02
    assert abs(sum(size > 1_000 * 2.71828**0.5 for size in drawn) / 30_000 - 0.159) < 0.02


@pytest.mark.parametrize("length", [200, 1_000, 10_000, 50_000])
def test_words_shrink_and_what_is_not_compressible_hardly_does(length: int) -> None:
    """62 characters, each as likely, have 5.95 bits: 74 % of a byte. Only the digits of the marker do better."""
    text_count = 2_000_000 // length

    assert shrunk(Payload(1, length), text_count) < 0.6
    assert shrunk(Payload(1, length, compressible=False), text_count) > 0.74


def test_a_list_whose_longest_cannot_hold_the_marker_is_refused() -> None:
    """Such a run could measure nothing."""
    with pytest.raises(ValueError, match="marker"):
        Payload(1, OneOf((10, 20)))


def test_the_texts_of_a_plan_are_those_of_its_seed_and_sizes() -> None:
    """And as compressible as it says."""
    plan = replace(a_plan(), seed=7, payload_bytes=300, compressible=False)

    assert payload_of(plan).text(5, MARK) == Payload(7, 300, compressible=False).text(5, MARK)
