"""Deliveries that are late, lost, sent twice or in the wrong order, and the books of what became of each."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from target_app.agenda import Agenda
from target_app.choices import Choice, Who, choice, drawn_delay, who
from target_app.faults import Faults
from target_app.outbox import Origin, Outbox, text_frame
from target_app.truth import Truth, marker_in

# What two messages have in common of which the later one may overtake the earlier: room, and sender unless any will do.
Lane = tuple[str | None, str | None]


@dataclass(slots=True, eq=False)
class Books:
    """One message, and what has become of it so far."""

    number: int
    origin: Origin
    frame: bytes
    # Who is in the room: whoever is no longer there does not get the message.
    members: Mapping[Outbox, object]
    received_ns: int
    to: list[str] = field(default_factory=list)
    sent_ns: list[int] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    swapped: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    # Deliveries that are neither sent nor given up; one more while they are being made.
    open_count: int = 1


class Held(NamedTuple):
    """A delivery that waits for a later one to overtake it."""

    due_ns: int
    books: Books
    copies: int


@dataclass(slots=True, eq=False)
class Receiver:
    """One connection of a user, and what is on its way there."""

    outbox: Outbox
    user: Who
    # Until then what is for it is neither dropped nor sent twice nor held back.
    spared_until_ns: int
    # When the delivery before leaves; none overtakes another unless it is swapped.
    last_due_ns: int = 0
    held: dict[Lane, Held] = field(default_factory=dict)


class Deliveries:
    """Sends each message to each receiver as the faults will have it.

    CPU of one delivery to one of 500 members, 40,000 a second, books included: 1 us more than the 8 of a
    plain broadcast, 4 more with a constant delay, 8 with a lognormal one (which wakes us for nearly every
    delivery), 10 with all of delay, drop, duplicate and swap.
    """

    def __init__(
        self, faults: Faults, truth: Truth, agenda: Agenda, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        wanted, seed = faults.deliveries, faults.seed
        self._drop = choice(seed, "drop", wanted.drop)
        self._duplicate = choice(seed, "duplicate", wanted.duplicate)
        self._swap = choice(seed, "swap", wanted.swap)
        self._stray = choice(seed, "stray", wanted.stray)
        self._swap_same_sender = wanted.swap_same_sender
        self._spare_ns = round(wanted.spare_newcomers_s * 1e9)
        self._delay = drawn_delay(seed, "delay", wanted.delay)
        self._truth = truth
        self._agenda = agenda
        self._clock = clock
        self._receivers: dict[Outbox, Receiver] = {}
        self.message_count = 0
        self.delivery_count = 0

    def add(self, outbox: Outbox, user: str) -> None:
        """Know a connection by its user; before anything is delivered to it."""
        self._receivers[outbox] = Receiver(outbox, who(user), self._clock() + self._spare_ns)

    def remove(self, outbox: Outbox) -> None:
        """Forget a connection that is gone, and give up what was held back for it."""
        receiver = self._receivers.pop(outbox)
        for held in receiver.held.values():
            self._give_up(held.books, receiver)

    def deliver(self, text: str, members: Mapping[Outbox, object], origin: Origin) -> None:
        """Send one text to many, or not, or later; takes the place of `target_app.outbox.deliver`."""
        now_ns = self._clock()
        number = self.message_count
        self.message_count += 1
        books = Books(number, origin, text_frame(text), members, now_ns)
        lane = (origin.room, origin.sender if self._swap_same_sender else None)
        drop, duplicate, swap, delay, receivers = self._drop, self._duplicate, self._swap, self._delay, self._receivers
        for outbox in members:
            receiver = receivers[outbox]
            user = receiver.user
            spared = now_ns < receiver.spared_until_ns
            if drop is not None and not spared and drop.times(number, user):
                books.dropped.append(user.name)
                continue
            books.open_count += 1
            copies = 0 if duplicate is None or spared else duplicate.times(number, user)
            due_ns = now_ns if delay is None else max(now_ns + delay.ns(number, user), receiver.last_due_ns)
            if swap is None:
                self._leave(due_ns, books, receiver, copies)
            elif lane not in receiver.held and not spared and swap.times(number, user):
                books.swapped.append(user.name)
                receiver.held[lane] = Held(due_ns, books, copies)
            else:
                self._leave(due_ns, books, receiver, copies)
                self._release(lane, receiver)
        if self._stray is not None:
            self._go_astray(books, self._stray)
        self._settle(books)

    def _go_astray(self, books: Books, stray: Choice) -> None:
        for outbox, receiver in self._receivers.items():
            if outbox not in books.members and outbox.is_open() and stray.times(books.number, receiver.user):
                books.stray.append(receiver.user.name)
                outbox.send(books.frame)

    def _release(self, lane: Lane, receiver: Receiver) -> None:
        held = receiver.held.pop(lane, None)
        if held is not None:
            self._leave(max(held.due_ns, receiver.last_due_ns), held.books, receiver, held.copies)

    def _leave(self, due_ns: int, books: Books, receiver: Receiver, copies: int) -> None:
        receiver.last_due_ns = due_ns
        if self._delay is None:
            self._send(books, receiver, copies)
        else:
            self._agenda.at(due_ns, self._send, books, receiver, copies)

    def _send(self, books: Books, receiver: Receiver, copies: int) -> None:
        outbox = receiver.outbox
        if not outbox.is_open() or outbox not in books.members:
            self._give_up(books, receiver)
            return
        books.to.append(receiver.user.name)
        books.copies.append(copies)
        # Before and not after: a receiver on another core may have it before we are back.
        books.sent_ns.append(self._clock())
        for _ in range(1 + copies):
            outbox.send(books.frame)
        outbox.count_sent(1 + copies)
        self._settle(books)

    def _give_up(self, books: Books, receiver: Receiver) -> None:
        books.gone.append(receiver.user.name)
        self._settle(books)

    def _settle(self, books: Books) -> None:
        books.open_count -= 1
        if books.open_count:
            return
        self.delivery_count += len(books.to)
        marker = marker_in(books.frame)
        self._truth.tell(
            "message",
            n=books.number,
            id=books.origin.id,
            room=books.origin.room,
            **{"from": books.origin.sender},
            **({} if marker is None else {"marker": marker}),
            received_ns=books.received_ns,
            deliveries={"to": books.to, "sent_ns": books.sent_ns, "copies": books.copies},
            dropped=books.dropped,
            swapped=books.swapped,
            gone=books.gone,
            stray=books.stray,
        )
