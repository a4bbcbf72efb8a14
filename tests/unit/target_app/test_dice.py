"""The dice: the same lot for the same names and numbers, and lots that look like chance."""

from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from target_app.dice import key_of, lot

WORD = st.integers(0, (1 << 64) - 1)


def test_a_lot_is_the_next_output_of_splitmix64() -> None:
    """Seeded with 1234567 its first outputs are these (test vectors of many implementations)."""
    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423]

    assert [lot(1234567, number, 0) for number in range(3)] == [((each >> 12) + 0.5) / 2**52 for each in outputs]


@given(stream=WORD, number=st.integers(0, 1 << 40), key=WORD)
def test_a_lot_is_never_0_and_never_1(stream: int, number: int, key: int) -> None:
    """A probability of 0 befalls nobody, one of 1 everybody, and every quantile is finite."""
    assert 0 < lot(stream, number, key) < 1


def test_neighbours_do_not_share_their_fate() -> None:
    """Of 10,000 pairs of message and receiver a tenth falls below 0.1, whichever of the two is counted on."""
    stream = key_of(7, "drop")
    keys = [key_of(f"user-{number:06d}") for number in range(100)]

    for lots in (
        [lot(stream, message, keys[0]) for message in range(10_000)],
        [lot(stream, message, key) for message in range(100) for key in keys],
    ):
        assert abs(fmean(each < 0.1 for each in lots) - 0.1) < 0.01
        assert abs(fmean(lots) - 0.5) < 0.01


def test_names_are_kept_apart() -> None:
    """Joined with something that is in no name."""
    assert key_of("a", "bc") != key_of("ab", "c")
    assert key_of("\ud800")
