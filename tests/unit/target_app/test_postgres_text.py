"""Any text in PostgreSQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_app.postgres_text import storable, stored


@given(st.text() | st.text(alphabet="a\0\ufdd0\ufdd1"))
def test_a_text_comes_back_as_it_was(text: str) -> None:
    """Whatever is in it, the characters that stand for others included; and it goes without a NUL."""
    assert "\0" not in storable(text)
    assert stored(storable(text)) == text


@given(st.text(alphabet="a\0\ufdd0\ufdd1"), st.text(alphabet="a\0\ufdd0\ufdd1"))
def test_two_texts_stay_two(one: str, other: str) -> None:
    """A room is found by its name."""
    assert (storable(one) == storable(other)) is (one == other)


@pytest.mark.parametrize("text", ["", "hello", "日本語 \\0 \r\n", "\ufdd1"])
def test_a_text_that_postgresql_takes_is_left_as_it_is(text: str) -> None:
    """So that people can read the table."""
    assert storable(text) == text
