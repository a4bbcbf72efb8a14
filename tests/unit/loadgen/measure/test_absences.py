"""Who was away, and what was said meanwhile, beside a model that remembers everything."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadgen.measure.absences import Absences
from loadgen.measure.incident_tally import IncidentTally

USER_COUNT = 5
USERS = st.integers(0, USER_COUNT - 1)
INCIDENTS = st.integers(0, 3)

# (what, of whom or by whom, which incident or message): each a moment after the one before.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hit"), USERS, INCIDENTS),
        st.tuples(st.just("back"), USERS, st.just(0)),
        st.tuples(st.just("say"), USERS, st.just(0)),
        st.tuples(st.just("read"), USERS, st.integers(0, 30)),
    ),
    max_size=60,
)


@dataclass(slots=True)
class Books:
    """The absences of a process, and what was counted of them."""

    absences: Absences = field(default_factory=lambda: Absences(USER_COUNT))
    tallies: defaultdict[int, IncidentTally] = field(default_factory=lambda: defaultdict(IncidentTally))

    def say(self, at_ns: int, *members: int) -> None:
        """A message is sent to these users."""
        self.absences.count_missed(np.array(members, np.int64), at_ns, self.tallies.__getitem__)

    def read(self, user: int, message: int, sent_ns: int) -> None:
        """A user finds a message in the history."""
        self.absences.count_read(user, (9, message), sent_ns, self.tallies.__getitem__)

    def counted(self) -> dict[int, tuple[int, int]]:
        """Missed and recovered of each incident of which anything was counted."""
        counts = {number: (each.missed_count, each.recovered_count) for number, each in self.tallies.items()}
        return {number: count for number, count in counts.items() if any(count)}


@dataclass(slots=True)
class Stay:
    """One absence of a user; ``to_ns`` is None while it lasts."""

    incident: int
    from_ns: int
    to_ns: int | None = None

    def covers(self, at_ns: int) -> bool:
        """Whether the user was away then."""
        return self.from_ns <= at_ns and (self.to_ns is None or at_ns < self.to_ns)


@given(STEPS)
def test_missed_and_recovered_are_those_of_a_naive_model(steps: list[tuple[str, int, int]]) -> None:
    """Of each user the last absence counts: a message of an earlier one that is read only now is not counted."""
    books, last = Books(), dict[int, Stay]()
    missed, recovered = defaultdict[int, int](int), defaultdict[int, int](int)
    said, read = list[int](), set[tuple[int, int, int]]()
    for at_ns, (what, user, which) in enumerate(steps):
        match what:
            case "hit":
                last[user] = Stay(which, at_ns)
                books.absences.began(user, which, at_ns)
            case "back":
                if user in last and last[user].to_ns is None:
                    last[user].to_ns = at_ns
                books.absences.ended(user, at_ns)
            case "say":
                said.append(at_ns)
                for stay in last.values():
                    missed[stay.incident] += stay.covers(at_ns)
                books.say(at_ns, *range(USER_COUNT))
            case _ if which < len(said):
                sent_ns = said[which]
                if user in last and last[user].covers(sent_ns) and (user, which, last[user].from_ns) not in read:
                    read.add((user, which, last[user].from_ns))
                    recovered[last[user].incident] += 1
                books.read(user, which, sent_ns)

    wanted = {number: (missed[number], recovered[number]) for number in {*missed, *recovered}}
    assert books.counted() == {number: count for number, count in wanted.items() if any(count)}


def test_nobody_is_away_before_somebody_is_hit() -> None:
    """Then nothing is counted, whatever is said, read, or asked for."""
    books = Books()
    books.absences.ended(0, 5)
    books.say(6, 0, 1)
    books.read(0, 0, 6)

    assert not books.absences.has_been_any
    assert books.counted() == {}


def test_what_is_read_twice_counts_once_and_what_was_not_missed_does_not_count() -> None:
    """History may be asked for again, and goes back further than an absence."""
    books = Books()
    books.absences.began(0, 2, at_ns=10)
    books.say(20, 0, 1)
    books.absences.ended(0, 30)
    for message, sent_ns in ((0, 9), (1, 20), (1, 20), (2, 30)):
        books.read(0, message, sent_ns)
        books.read(1, message, sent_ns)

    assert books.absences.has_been_any
    assert books.counted() == {2: (1, 1)}


def test_an_absence_ends_at_the_first_attempt_to_join() -> None:
    """Who has to ask for its rooms again may have been let in the first time."""
    books = Books()
    books.absences.began(0, 0, at_ns=10)
    books.absences.ended(0, 20)
    books.absences.ended(0, 40)
    books.say(30, 0)

    assert books.counted() == {}


def test_a_user_that_is_hit_twice_misses_for_each_incident_in_its_time() -> None:
    """The second begins where it is hit again, also while it is away by the first."""
    books = Books()
    books.absences.began(0, 0, at_ns=10)
    books.say(15, 0)
    books.absences.began(0, 1, at_ns=20)
    books.say(25, 0)
    books.say(26, 0)
    books.absences.ended(0, 30)
    books.read(0, 0, 15)
    books.read(0, 1, 25)

    assert books.counted() == {0: (1, 0), 1: (2, 1)}


def test_only_those_whom_a_message_is_for_miss_it() -> None:
    """Somebody in another room is away, too."""
    books = Books()
    for user in (0, 1, 2):
        books.absences.began(user, user % 2, at_ns=10)
    books.say(20, 0, 1)

    assert books.counted() == {0: (1, 0), 1: (1, 0)}
