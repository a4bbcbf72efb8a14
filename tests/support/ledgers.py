"""Ledgers of four users in two rooms, of one process and of several, and what happens to them."""

from __future__ import annotations

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.examples import Fault
from loadgen.measure.ledger import Ledger
from loadgen.measure.marker import Stamp
from loadgen.measure.news import News
from loadgen.measure.rules import Rules
from loadgen.measure.spread import SpreadJoin
from loadgen.measure.tally import Count, Tally
from loadgen.plan.plan import WHOLE, Share
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import UNSLICED, Slicing, Stretch

PREFIX = marker.prefix_of("abc123")
DEADLINE_NS = 100
USERS, ROOMS = 4, 2
COUNTED = (
    Count.DELIVERIES_EXPECTED,
    Count.DELIVERIES_RECEIVED,
    Count.DELIVERIES_LATE,
    Count.DELIVERIES_LOST,
    Count.DELIVERIES_EXCUSED,
    Count.DELIVERIES_DUPLICATED,
    Count.DELIVERIES_REORDERED,
    Count.DELIVERIES_UNEXPECTED,
    Count.DELIVERIES_RECOVERED,
)
# Most of what happens in a test of many steps happens about then.
TWO_SLICES = Slicing(Rooms.alike(ROOMS), USERS, (), (Stretch("incident: 1", 20, 120),))


def room_of(user: int) -> int:
    """Users 0 and 2 share a room, 1 and 3 another."""
    return user % ROOMS


def a_ledger(
    *,
    echo: bool = True,
    reach: Reach = Reach.ROOM,
    users: int = USERS,
    numbered: bool = False,
    share: Share = WHOLE,
    slicing: Slicing = UNSLICED,
    rooms: int = ROOMS,
) -> Ledger:
    """Everybody joined at 0, everything measured."""
    rules = Rules(
        users, Rooms.alike(rooms), reach, echo, DEADLINE_NS, numbered, share, has_direct=True, slicing=slicing
    )
    ledger = Ledger(rules, PREFIX, Tally(0))
    ledger.measure(0, 10**15)
    for user in range(share.index, users, share.count):
        ledger.members.joining(user, 0)
        ledger.members.joined(user, 0)
    return ledger


def send(ledger: Ledger, sender: int, at_ns: int, to: int | None = None) -> bytes:
    """Send the sender's next message, to its room or to one user; its frame."""
    stamp = Stamp(sender, ledger.next_sequence(sender), at_ns, at_ns, to)
    text = marker.write(PREFIX, stamp)
    ledger.sent(text, stamp)
    return b"words " + text


class Processes:
    """The ledgers of several processes, which tell one another the news; together they are one."""

    def __init__(self, count: int, *, numbered: bool = False, slicing: Slicing = UNSLICED) -> None:
        self.slicing = slicing
        self.ledgers = [
            a_ledger(share=Share(index, count), numbered=numbered, slicing=slicing) for index in range(count)
        ]

    def of(self, user: int) -> Ledger:
        """The one that a user belongs to."""
        return self.ledgers[user % len(self.ledgers)]

    def tell_news(self) -> None:
        """Have each hear what all have to say, its own among it."""
        news = News.joined([ledger.take_news() for ledger in self.ledgers])
        for ledger in self.ledgers:
            ledger.hear(news)

    def close(self, end_ns: int) -> Tally:
        """What they have counted together, the last news told."""
        self.tell_news()
        total, join = Tally(0), SpreadJoin(len(self.ledgers), self.slicing)
        for ledger in self.ledgers:
            ledger.close(end_ns)
            total.merge(ledger.tally)
            join.add(ledger.take_spreads(), total)
        join.close(total)
        return total


def a_return(ledger: Ledger, user: int, *, left_ns: int, back_ns: int) -> None:
    """Lose the socket and come back."""
    ledger.members.left(user, left_ns)
    ledger.members.joining(user, back_ns)
    ledger.members.joined(user, back_ns)


def counted(ledger: Ledger) -> dict[Count, int]:
    """What there is of deliveries."""
    return {name: ledger.tally.counts[name] for name in COUNTED if ledger.tally.counts[name]}


def noted(ledger: Ledger, fault: Fault) -> set[tuple[tuple[int, int], int]]:
    """Of the examples of a fault: which message, and who."""
    return {(each.message, each.receiver) for each in ledger.tally.examples.of(fault)}


def an_unmeasured_ledger(rules: Rules) -> Ledger:
    """Everybody joined at 0; nobody has said what is measured."""
    ledger = Ledger(rules, PREFIX, Tally(0))
    for user in range(rules.user_count):
        ledger.members.joining(user, 0)
        ledger.members.joined(user, 0)
    return ledger
