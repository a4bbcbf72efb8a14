"""The search for the largest load that holds: found within a tenth, in few tries, whatever the first guess was."""

from __future__ import annotations

import math
import random
from collections import Counter

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


def test_less_than_can_be_offered_is_never_tried() -> None:
    """Two rooms take two users: where those break a budget as well, there is no answer, and no run that is refused."""
    search, tries = Search(8, least=2), []
    while (tried := search.next()) is not None:
        tries.append(tried.load)
        search.tell(tried, Outcome.BROKE)

    assert tries == [8, 4, 2, 2]
    assert search.held is None


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


def test_a_load_that_broke_by_chance_is_no_upper_end() -> None:
    """One hiccup far below what the server carries: the answer would be a fifth of the truth, and confirmed."""
    search, tried_often = Search(100), Counter[int]()
    while (tried := search.next()) is not None:
        tried_often[tried.load] += 1
        hiccup = tried.load == 200 and tried_often[200] == 1
        search.tell(tried, Outcome.BROKE if tried.load > 1_000 or hiccup else Outcome.HELD)

    assert search.held is not None
    assert search.broke is not None
    assert search.held <= 1_000 < search.broke
    assert search.is_confirmed


def test_the_upper_end_has_broken_twice_or_been_given_up_when_it_was_to_be_confirmed() -> None:
    """And a load is tried a third time only to confirm it."""
    search, broke_often = Search(100), Counter[int]()
    while (tried := search.next()) is not None:
        held = tried.load <= (600 if tried.confirms else 800)
        broke_often[tried.load] += 2 if not held and tried.confirms else not held
        search.tell(tried, Outcome.HELD if held else Outcome.BROKE)

    assert search.broke is not None
    assert broke_often[search.broke] >= 2
    assert max(broke_often.values()) == 2


def test_not_even_one_is_said_when_one_has_broken_twice() -> None:
    """A server that carries two, and whose first runs were unlucky."""
    search, tries = Search(2), 0
    while (tried := search.next()) is not None:
        tries += 1
        search.tell(tried, Outcome.HELD if tries > 2 and tried.load <= 2 else Outcome.BROKE)

    assert (search.held, search.broke) == (2, 3)


def test_where_one_run_in_thirty_breaks_by_chance_answers_are_near_the_truth_all_the_same() -> None:
    """Of 300 servers, 99 in 100 answers are at least two thirds of what the server carries, and none is more."""
    rng, shares = random.Random(1), []
    for _ in range(300):
        limit = rng.randint(100, 5_000)
        search = Search(rng.randint(10, 2 * limit))
        while (tried := search.next()) is not None:
            chance = rng.random() < (3 if tried.confirms else 1) / 30
            search.tell(tried, Outcome.BROKE if tried.load > limit or chance else Outcome.HELD)
        assert search.held is not None
        shares.append(search.held / limit)

    assert sorted(shares)[3] >= 2 / 3
    assert max(shares) <= 1
