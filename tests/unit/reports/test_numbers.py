"""Numbers in reports."""

from __future__ import annotations

import pytest

from reports import numbers


@pytest.mark.parametrize(
    ("value_ms", "text"),
    [
        (0, "0 ms"),
        (0.0005, "0.500 us"),
        (0.8123, "812 us"),
        (0.9996, "1.00 ms"),
        (8.1, "8.10 ms"),
        (250, "250 ms"),
        (999.6, "1.00 s"),
        (12_345, "12.3 s"),
        (4_000_000, "4,000 s"),
        (None, "no data"),
    ],
)
def test_a_duration_has_three_digits_and_the_unit_that_suits_it(value_ms: float | None, text: str) -> None:
    """One look tells how long; rounding never leaves 1,000 of a unit."""
    assert numbers.duration(value_ms) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.83, "83 %"),
        (0.99672, "99.67 %"),
        (0.0000525, "0.0053 %"),
        (1.25, "125 %"),
    ],
)
def test_a_share_that_is_nearly_all_is_not_called_all(ratio: float, text: str) -> None:
    """99.67 % received is not 100 %: something was lost."""
    assert numbers.percent(ratio) == text


def test_missing_is_said_in_words() -> None:
    """A gap is never a 0."""
    missing = [f(None) for f in (numbers.duration, numbers.count, numbers.rate, numbers.percent, numbers.size)]

    assert missing == ["no data"] * 5


def test_text_from_a_server_cannot_steer_the_terminal() -> None:
    """An escape sequence in an error's example loses its escape."""
    assert numbers.printable("a\x1b[2J\r\nb") == "a [2J  b"


def test_a_moment_is_written_for_people() -> None:
    """In UTC it says so; another offset stays as it is, and so does what is no moment."""
    assert numbers.instant("2026-01-01T12:00:00.000+00:00") == "2026-01-01 12:00:00.000 UTC"
    assert numbers.instant("2026-01-01T12:00:00Z") == "2026-01-01 12:00:00 UTC"
    assert numbers.instant("2026-01-01T12:00:00+02:00") == "2026-01-01 12:00:00+02:00"
    assert numbers.instant("now") == "now"


@pytest.mark.parametrize(
    ("value_s", "text"), [(None, "no data"), (20, "20.0 s"), (119.94, "119.9 s"), (200, "3 min 20 s")]
)
def test_a_length_of_time_is_told_on_the_scale_of_a_run(value_s: float | None, text: str) -> None:
    """In minutes from two of them on."""
    assert numbers.seconds(value_s) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.00123, "0.00123"), (8.1, "8.10"), (12_345, "12,300")])
def test_three_digits_say_enough(value: float, text: str) -> None:
    """Never as a power of ten."""
    assert numbers.significant(value) == text
