"""The search for the largest load that holds: found within a tenth, in few tries, whatever the first guess was."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from scenarios.capacity_search import PRECISION, Outcome, Search


def searched(limit: int, start: int, most: int | None = None, *, beyond: Outcome = Outcome.BROKE) -> tuple[Search, int]:
    """A search against a server that carries ``limit``, and how many tries it took."""
    search, tries = Search(start, most), 0
    while (tried := search.next()) is not None:
        tries += 1
        search.tell(tried, Outcome.HELD if tried.load <= limit else beyond)
    return search, tries


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_answer_is_an_interval_around_the_truth(limit: int, start: int) -> None:
    """At most a tenth wide, its lower end confirmed."""
    search, tries = searched(limit, start)

    assert search.held is not None
    assert search.broke is not None
    assert search.held <= limit < search.broke
    assert search.broke - search.held <= max(1, PRECISION * search.broke)
    assert search.is_confirmed
    assert tries <= 2 * abs(math.log2(limit / start)) + 12


@given(st.integers(1, 10**5), st.integers(1, 10**5))
def test_more_than_can_be_offered_is_never_tried(most: int, start: int) -> None:
    """A server that holds it all has no upper end."""
    search, _ = searched(10**9, min(start, most), most)

    assert (search.held, search.broke, search.is_confirmed) == (most, None, True)


def test_a_server_that_carries_nothing_has_no_answer() -> None:
    """Not even one: the search says so, and ends."""
    search, tries = searched(0, 500)

    assert (search.held, search.broke) == (None, 1)
    assert tries <= 11


def test_where_we_were_at_our_end_the_answer_is_a_lower_bound() -> None:
    """It says who it was."""
    search, _ = searched(700, 100, beyond=Outcome.UNBELIEVABLE)

    assert search.why is Outcome.UNBELIEVABLE
    assert search.held is not None


def test_a_load_that_does_not_hold_for_longer_is_given_up() -> None:
    """And the next one below is sought."""
    search = Search(100)
    while (tried := search.next()) is not None:
        limit = 600 if tried.confirms else 800
        search.tell(tried, Outcome.HELD if tried.load <= limit else Outcome.BROKE)

    assert search.held is not None
    assert search.held <= 600
    assert search.is_confirmed


def test_a_server_whose_answers_change_does_not_keep_us_for_ever() -> None:
    """After five confirmations that failed the answer stands as it is, unconfirmed."""
    search, tries = Search(100), 0
    while (tried := search.next()) is not None:
        tries += 1
        search.tell(tried, Outcome.BROKE if tried.confirms or tried.load > 800 else Outcome.HELD)

    assert tries < 40
    assert not search.is_confirmed


@given(st.integers(100, 10**5), st.integers(1, 10**5))
def test_too_few_samples_are_a_reason_to_try_more(limit: int, start: int) -> None:
    """A load of which a budget cannot be judged says nothing of the server: it is not one that broke."""
    search, tries = Search(start), 0
    while (tried := search.next()) is not None:
        tries += 1
        judged = Outcome.HELD if tried.load <= limit else Outcome.BROKE
        search.tell(tried, Outcome.SPARSE if tried.load < 50 else judged)

    assert search.held is not None
    assert search.broke is not None
    assert search.held <= limit < search.broke
    assert search.broke - search.held <= max(1, PRECISION * search.broke)
    assert tries <= 2 * abs(math.log2(limit / start)) + 12


def test_samples_that_no_load_brings_are_not_sought_for_ever() -> None:
    """Nothing held, nothing broke, and the search ends."""
    search, tries = Search(1), 0
    while (tried := search.next()) is not None:
        tries += 1
        search.tell(tried, Outcome.SPARSE)

    assert (search.held, search.broke) == (None, None)
    assert tries < 12


def test_too_few_samples_at_more_than_what_held_are_the_servers_fault() -> None:
    """It delivers less where it is sent more."""
    search = Search(100)
    while (tried := search.next()) is not None:
        search.tell(tried, Outcome.HELD if tried.load <= 300 else Outcome.SPARSE)

    assert search.held is not None
    assert search.broke is not None
    assert 270 <= search.held <= 300 < search.broke


def test_between_too_few_samples_and_too_much_there_may_be_nothing() -> None:
    """Then there is no answer, and the search ends."""
    search, tries = Search(100), 0
    while (tried := search.next()) is not None:
        tries += 1
        search.tell(tried, Outcome.SPARSE if tried.load <= 300 else Outcome.BROKE)

    assert search.held is None
    assert search.broke is not None
    assert tries < 12
