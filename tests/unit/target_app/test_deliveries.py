"""Deliveries with faults: who gets what, in which order and when, and what the books say of it."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from target_app.agenda import Agenda
from target_app.choices import DrawnDelay, who
from target_app.deliveries import Deliveries
from target_app.faults import Faults, UniformDelay
from target_app.outbox import Origin, Outbox, Outboxes, text_frame
from target_app.settings import Limits
from target_app.truth import Truth

MS = 1_000_000


class FakeLine:
    """A socket that takes everything until it closes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes, /) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def begin_close(self, _code: int, _reason: str) -> bytes:
        return b"goodbye"


class World:
    """Some users in one room, a clock that a test moves, and the truth as it was told."""

    def __init__(self, path: Path, deliveries: dict[str, Any], names: list[str]) -> None:
        faults = Faults.model_validate({"seed": 7, "deliveries": deliveries})
        self.now_ns = 1_000 * MS
        self._path = path
        self.truth = Truth(path, faults, self.now_ns)
        self._agenda = Agenda(lambda _: None)
        self.deliveries = Deliveries(faults, self.truth, self._agenda, lambda: self.now_ns)
        self.lines = {name: FakeLine() for name in names}
        outboxes = Outboxes(Limits())
        self.outboxes = {name: Outbox(line, outboxes) for name, line in self.lines.items()}
        self.members: dict[Outbox, None] = dict.fromkeys(self.outboxes.values())
        for name, outbox in self.outboxes.items():
            self.deliveries.add(outbox, name)

    def say(self, *texts: str, sender: str = "ann", room: str = "tea") -> None:
        for text in texts:
            self.deliveries.deliver(text, self.members, Origin(room, sender, None))

    def advance(self, ms: float) -> None:
        self.now_ns += round(ms * MS)
        self._agenda.do(self.now_ns)

    def leave(self, name: str) -> None:
        outbox = self.outboxes[name]
        outbox.lost()
        del self.members[outbox]
        self.deliveries.remove(outbox)

    def heard(self, name: str) -> str:
        """What a user got so far; each text of a test is one letter."""
        return "".join(frame[2:].decode() for frame in self.lines[name].written)

    def told(self) -> dict[int, dict[str, Any]]:
        """Return the books of each message that is settled, by its number."""
        self.truth.flush()
        events = [json.loads(line) for line in self._path.read_text().splitlines()[1:]]
        return {event["n"]: event for event in events}


Make = Callable[..., World]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as open_logs:

        def make(names: str = "ann bob", **deliveries: Any) -> World:
            made = World(tmp_path / "truth", deliveries, names.split())
            open_logs.callback(made.truth.close)
            return made

        yield make


def pick(message: int, receiver: str, **more: int) -> dict[str, object]:
    return {"message": message, "receiver": receiver, **more}


def test_without_faults_everyone_gets_everything_and_the_books_say_so(world: Make) -> None:
    """At once, the same bytes for all, as a plain broadcast does."""
    tea = world()

    tea.deliveries.deliver("x", tea.members, Origin("tea", "ann", "m1"))

    assert tea.lines["ann"].written == tea.lines["bob"].written == [text_frame("x")]
    assert tea.told()[0] == {
        "event": "message",
        "n": 0,
        "id": "m1",
        "room": "tea",
        "from": "ann",
        "received_ns": 1_000 * MS,
        "deliveries": {"to": ["ann", "bob"], "sent_ns": [1_000 * MS] * 2, "copies": [0, 0]},
        "dropped": [],
        "swapped": [],
        "gone": [],
        "stray": [],
    }
    assert (tea.deliveries.message_count, tea.deliveries.delivery_count) == (1, 2)


def test_a_dropped_delivery_reaches_nobody_else_than_it_should(world: Make) -> None:
    """One receiver of one message, and the books name it."""
    tea = world(drop=[pick(1, "bob")])

    tea.say("a", "b", "c")

    assert (tea.heard("ann"), tea.heard("bob")) == ("abc", "ac")
    assert [tea.told()[number]["dropped"] for number in range(3)] == [[], ["bob"], []]


def test_a_message_that_nobody_gets_has_its_line_all_the_same(world: Make) -> None:
    """All of its deliveries are settled: they were dropped."""
    tea = world(drop=1)

    tea.say("a")

    assert tea.told()[0]["dropped"] == ["ann", "bob"]
    assert tea.deliveries.delivery_count == 0


def test_a_duplicate_comes_right_after_the_first(world: Make) -> None:
    """`copies` counts those beyond the first; a delivery is one delivery, however often it is sent."""
    tea = world(duplicate=[pick(0, "bob", copies=2)])

    tea.say("a", "b")

    assert (tea.heard("ann"), tea.heard("bob")) == ("ab", "aaab")
    assert tea.told()[0]["deliveries"]["copies"] == [0, 2]
    assert tea.deliveries.delivery_count == 4


def test_a_stray_message_reaches_somebody_of_another_room(world: Make) -> None:
    """At once, and beside its own deliveries: nobody of the room goes without."""
    tea = world(stray=[pick(0, "bob"), pick(0, "ann"), pick(1, "ann")])
    del tea.members[tea.outboxes["bob"]]

    tea.say("a", "b")

    assert (tea.heard("ann"), tea.heard("bob")) == ("ab", "a")
    assert [entry["stray"] for entry in tea.told().values()] == [["bob"], []]
    assert tea.told()[0]["deliveries"]["to"] == ["ann"]


def test_of_two_swapped_messages_the_later_one_goes_first(world: Make) -> None:
    """Of the same sender; what others say meanwhile is not held up and does not count."""
    tea = world(swap=[pick(0, "bob")])

    tea.say("a")
    tea.say("x", sender="bob")
    tea.say("b", "c")

    assert (tea.heard("ann"), tea.heard("bob")) == ("axbc", "xbac")
    assert tea.told()[0]["swapped"] == ["bob"]
    assert tea.told()[0]["deliveries"]["to"] == ["ann", "bob"]


def test_a_swap_may_be_between_the_messages_of_a_room(world: Make) -> None:
    """Whoever sends the next one; that of another room does not count."""
    tea = world(swap=[pick(0, "bob")], swap_same_sender=False)

    tea.say("a")
    tea.say("y", room="coffee")
    tea.say("x", sender="bob")

    assert tea.heard("bob") == "yxa"


def test_swaps_come_in_pairs(world: Make) -> None:
    """While one delivery is held back the next goes out, whatever was drawn for it: nothing waits for ever."""
    tea = world(swap=1)

    tea.say("a", "b", "c", "d")

    assert tea.heard("bob") == "badc"
    assert [tea.told()[number]["swapped"] for number in range(4)] == [["ann", "bob"], [], ["ann", "bob"], []]


def test_newcomers_are_spared(world: Make) -> None:
    """Whoever measures cannot know to the microsecond since when they are members; delays are theirs as well."""
    tea = world(drop=0.4, duplicate=1, swap=1, delay={"kind": "constant", "ms": 1}, spare_newcomers_s=0.5)

    tea.advance(499)
    tea.say("a", "b", "c")
    tea.advance(1)
    assert tea.heard("bob") == "abc"
    assert not any(tea.told()[number][fate] for number in range(3) for fate in ("dropped", "swapped"))

    tea.say(*"defghijklmno")
    tea.advance(1)
    assert any(books["dropped"] for books in tea.told().values())
    assert tea.heard("bob")[3:] != "defghijklmno"


def test_a_dropped_message_overtakes_nothing(world: Make) -> None:
    """The one held back waits for one that is really sent."""
    tea = world(swap=[pick(0, "bob")], drop=[pick(1, "bob")])

    tea.say("a", "b")
    assert tea.heard("bob") == ""
    tea.say("c")
    assert tea.heard("bob") == "ca"


def test_what_is_held_back_for_one_who_leaves_is_gone(world: Make) -> None:
    """Swapped and never sent: both lists name the receiver, the deliveries do not."""
    tea = world(swap=[pick(0, "bob")])

    tea.say("a")
    assert tea.told() == {}
    tea.leave("bob")

    books = tea.told()[0]
    assert (books["swapped"], books["gone"], books["deliveries"]["to"]) == (["bob"], ["bob"], ["ann"])


def test_a_delayed_delivery_leaves_when_it_is_due(world: Make) -> None:
    """Not before; the books have the instant at which it really left."""
    tea = world(delay={"kind": "constant", "ms": 5})

    tea.say("a")
    tea.advance(4.999)
    assert (tea.heard("bob"), tea.told()) == ("", {})
    tea.advance(1)

    assert tea.heard("bob") == "a"
    assert tea.told()[0]["deliveries"]["sent_ns"] == [round(1_005.999 * MS)] * 2


def test_random_delays_do_not_reorder_by_themselves(world: Make) -> None:
    """A delivery leaves at its own time or with the one before it for that receiver, whichever is later."""
    tea = world(names="bob", delay={"kind": "uniform", "from_ms": 1, "to_ms": 9})
    drawn = DrawnDelay(7, "delay", UniformDelay(kind="uniform", from_ms=1, to_ms=9))
    said = [chr(ord("a") + number) for number in range(20)]
    delays_ns = [drawn.ns(number, who("bob")) for number in range(20)]
    assert delays_ns != sorted(delays_ns)

    tea.say(*said)
    for _ in range(9 * MS // 1_000):
        tea.advance(0.001)

    assert tea.heard("bob") == "".join(said)
    for number in range(20):
        left_ns = tea.told()[number]["deliveries"]["sent_ns"][0] - 1_000 * MS
        assert 0 <= left_ns - max(delays_ns[: number + 1]) < 1_000


def test_a_delayed_swap_leaves_with_the_one_that_overtakes_it(world: Make) -> None:
    """Its own delay is over by then."""
    tea = world(delay={"kind": "constant", "ms": 5}, swap=[pick(0, "bob")])

    tea.say("a")
    tea.advance(100)
    assert tea.heard("bob") == ""
    tea.say("b")
    tea.advance(5)

    assert tea.heard("bob") == "ba"


def test_what_would_be_sent_in_vain_is_gone(world: Make) -> None:
    """The books never say sent of what no socket was given."""
    tea = world()
    tea.lines["ann"].closing = True
    tea.outboxes["bob"].close(1012, "")

    tea.say("a")

    assert tea.told()[0]["gone"] == ["ann", "bob"]


def test_what_is_on_its_way_to_one_who_leaves_is_gone(world: Make) -> None:
    """Nobody gets a message of a room that he is no longer in."""
    tea = world(delay={"kind": "constant", "ms": 5})

    tea.say("a")
    del tea.members[tea.outboxes["ann"]]
    tea.leave("bob")
    tea.advance(5)

    books = tea.told()[0]
    assert (books["gone"], books["deliveries"]["to"]) == (["ann", "bob"], [])
    assert tea.heard("ann") == tea.heard("bob") == ""
