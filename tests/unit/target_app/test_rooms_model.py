"""Whatever clients do, in whatever order: each is sent what the model says, by one broker and over two nodes."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import hypothesis.strategies as st
import pytest
import uvloop
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support.hunting import examples
from tests.support.rooms_at_work import Chatter, Company, OneBroker, TwoNodes, all_done
from tests.support.rooms_model import Device, Frame, RoomsModel

T = TypeVar("T")

ROLES = {"ann": "member", "bob": "member", "gus": "guest", "root": "admin"}
ROOMS = ["tea", "coffee", "admin:desk"]
MOST_DEVICES = 5

users = st.sampled_from(list(ROLES))
# Where most meet, there is most to go wrong.
rooms = st.sampled_from(["tea", "tea", "tea", *ROOMS])
ids = st.sampled_from([None, "m1", 7])
# Which of those who are there; modulo their number.
somebody = st.integers(0, MOST_DEVICES - 1)
NONSENSE = {
    "{": "invalid_json",
    "[]": "invalid_json",
    "[" * 5_000: "invalid_json",
    '{"type":"dance"}': "unknown_type",
    '{"type":["join"]}': "unknown_type",
    '{"type":"join"}': "bad_field",
    '{"type":"join","room":"a\\u0000b"}': "bad_field",
    '{"type":"history","room":"tea","after":-1}': "bad_field",
    '{"type":"history","room":"tea","limit":true}': "bad_field",
    '{"type":"message","room":"tea","text":"\\ud800"}': "bad_field",
    '{"type":"kick","user":7}': "bad_field",
}


class Conversations(RuleBasedStateMachine):
    """Devices come and go, and do all that the protocol has; after each step everything has come to rest."""

    company: Company
    # Whether what one device is sent comes in one order only, whichever room it is of.
    is_one_process: bool

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.model = RoomsModel()
        self.chatters: dict[Device, Chatter] = {}
        self.device_count = 0
        self.text_count = 0
        # What each device that is away had of each room: all up to this number.
        self.away: list[tuple[str, dict[str, int]]] = []

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(doing)

    @initialize(here=st.lists(st.tuples(users, somebody, st.lists(rooms, max_size=2)), max_size=4))
    def open(self, here: list[tuple[str, int, list[str]]]) -> None:
        self.run(self.company.__aenter__())
        for user, node, joined in here:
            device = self.arrive(user, node)
            for room in joined:
                self.joins(list(self.chatters).index(device), room, presence=True)

    def teardown(self) -> None:
        try:
            for device in list(self.chatters):
                self.depart(device)
            for place in self.company.places:
                assert self.run(place.broker.online()) == []
                # A room that is at home on a node is kept for a while.
                there = [place.rooms.find(name) for name in ROOMS]
                assert [room.name for room in there if room is not None and room.members] == []
        finally:
            self.run(self.company.__aexit__())
            self.runner.close()

    # --- coming and going

    def one_of(self, number: int) -> Device:
        if not self.chatters:
            return self.arrive("ann", number)
        return list(self.chatters)[number % len(self.chatters)]

    def arrive(self, user: str, node: int) -> Device:
        device = self.device_count
        self.device_count += 1
        places = self.company.places
        chatter = self.chatters[device] = Chatter(user, ROLES[user], places[node % len(places)])
        self.run(chatter.session.begin())
        self.run(all_done())
        self.model.arrive(device, user, ROLES[user])
        (welcome,) = chatter.take()
        assert (welcome["type"], welcome["user"], welcome["roles"]) == ("welcome", user, [ROLES[user]])
        return device

    def depart(self, device: Device) -> None:
        self.run(self.chatters.pop(device).session.end())
        self.run(all_done())
        self.model.depart(device)

    @precondition(lambda self: len(self.chatters) < MOST_DEVICES)
    @rule(user=users, node=somebody)
    def comes(self, user: str, node: int) -> None:
        self.arrive(user, node)

    @rule(number=somebody)
    def is_cut_off(self, number: int) -> None:
        device = self.one_of(number)
        has = {room.name: len(room.said) for room in self.model.rooms.values() if device in room.members}
        self.away.append((self.chatters[device].user, has))
        self.depart(device)
        self.compare()

    @precondition(lambda self: self.away and len(self.chatters) < MOST_DEVICES)
    @rule(node=somebody, limit=st.integers(1, 3))
    def comes_back_and_catches_up(self, node: int, limit: int) -> None:
        """By what it is told alone: join, then ask for more until there is none."""
        user, has = self.away.pop()
        device = self.arrive(user, node)
        for room, last_seq in has.items():
            self.ask(device, type="join", room=room)
            self.model.join(device, room, presence=False)
            before, more = last_seq, True
            joined = self.heard_of(device)[-1]
            while more:
                self.ask(device, type="history", room=room, after=before, limit=limit)
                self.model.history(device, room, before, limit)
                history = self.heard_of(device)[-1]
                seqs, more = [each["seq"] for each in history["messages"]], history["more"]
                assert seqs == list(range(before + 1, before + 1 + len(seqs)))
                before = seqs[-1] if seqs else before
            assert before == joined["seq"]

    # --- what the protocol has

    @rule(number=somebody, room=rooms, presence=st.booleans())
    def joins(self, number: int, room: str, presence: bool) -> None:
        device = self.one_of(number)
        self.ask(device, type="join", room=room, presence=presence)
        self.model.join(device, room, presence=presence)

    @rule(number=somebody, room=rooms)
    def leaves(self, number: int, room: str) -> None:
        device = self.one_of(number)
        self.ask(device, type="leave", room=room)
        self.model.leave(device, room)

    @rule(number=somebody, room=rooms, message_id=ids, times=st.sampled_from([1, 1, 2]))
    def says(self, number: int, room: str, message_id: object, times: int) -> None:
        """Twice under one id is said twice: the server remembers no ids, and promises nothing of them."""
        device, text = self.one_of(number), self.new_text()
        for _ in range(times):
            self.ask(device, type="message", room=room, text=text, id=message_id)
            self.model.say(device, room, text, message_id)

    @rule(numbers=st.lists(somebody, min_size=2, max_size=8), room=rooms)
    def say_at_once(self, numbers: list[int], room: str) -> None:
        """Which order that gives is the server's to say, once, by the numbers in the acks."""
        frames = [
            (self.one_of(number), {"type": "message", "room": room, "text": self.new_text(), "id": f"b{n}"})
            for n, number in enumerate(numbers)
        ]

        async def say() -> None:
            await asyncio.gather(*(self.chatters[device].ask(frame) for device, frame in frames))
            await all_done()

        self.run(say())
        heard = {device: chatter.take() for device, chatter in self.chatters.items()}
        acked = {
            (device, frame["id"]): frame["seq"] for device in heard for frame in heard[device] if frame["type"] == "ack"
        }
        for device, frame in sorted(frames, key=lambda said: acked.get((said[0], said[1]["id"]), 0)):
            self.model.say(device, room, frame["text"], frame["id"])
        for device in heard:
            self.compare_one(device, heard[device], in_order=False)

    @rule(number=somebody, to=users, message_id=ids)
    def says_to_one(self, number: int, to: str, message_id: object) -> None:
        device, text = self.one_of(number), self.new_text()
        self.ask(device, type="direct", to=to, text=text, id=message_id)
        self.model.direct(device, to, text, message_id)

    @rule(number=somebody, room=rooms)
    def types(self, number: int, room: str) -> None:
        device = self.one_of(number)
        self.ask(device, type="typing", room=room)
        self.model.typing(device, room)

    @rule(number=somebody, room=rooms, after=st.none() | st.integers(0, 30), limit=st.integers(1, 5))
    def reads(self, number: int, room: str, after: int | None, limit: int) -> None:
        device = self.one_of(number)
        self.ask(device, type="history", room=room, after=after, limit=limit)
        self.model.history(device, room, after, limit)

    @rule(number=somebody, user=users, room=st.none() | rooms, message_id=ids)
    def kicks(self, number: int, user: str, room: str | None, message_id: object) -> None:
        device = self.one_of(number)
        self.ask(device, type="kick", user=user, room=room, id=message_id)
        gone = self.model.kick(device, user, room, message_id)
        self.compare()
        for each in gone:
            assert self.chatters[each].outbox.closed_with == 4403
            self.depart(each)

    @rule(number=somebody, room=rooms, message_id=ids)
    def closes_a_room(self, number: int, room: str, message_id: object) -> None:
        device = self.one_of(number)
        self.ask(device, type="close_room", room=room, id=message_id)
        self.model.close_room(device, room, message_id)

    @rule(number=somebody, message_id=ids)
    def announces(self, number: int, message_id: object) -> None:
        device, text = self.one_of(number), self.new_text()
        self.ask(device, type="announce", text=text, id=message_id)
        self.model.announce(device, text, message_id)

    @rule(number=somebody, nonsense=st.sampled_from(list(NONSENSE)))
    def talks_nonsense(self, number: int, nonsense: str) -> None:
        """It is told so, and nothing else happens."""
        device = self.one_of(number)
        self.run(self.chatters[device].session.answer(nonsense))
        self.run(all_done())
        self.model.due[device].append({"type": "error", "code": NONSENSE[nonsense]})

    # --- what must be so after each step

    @invariant()
    def everybody_was_sent_what_is_due(self) -> None:
        self.compare()

    @invariant()
    def everybody_is_known_to_be_where_he_is(self) -> None:
        for place in self.company.places:
            assert sorted(self.run(place.broker.online())) == sorted(set(self.model.users.values()))
            for name in ROOMS:
                users_there = self.run(place.broker.users_in(name)) or []
                assert sorted(users_there) == sorted(self.model.users_in(name))
            counts = dict(self.run(place.broker.largest_rooms(100, lambda _: True)))
            awake = {room.name: len(room.members) for room in self.model.rooms.values() if room.members}
            assert {name: count for name, count in counts.items() if count} == awake

    # --- below

    def new_text(self) -> str:
        self.text_count += 1
        return f"text {self.text_count}"

    def ask(self, device: Device, **frame: object) -> None:
        self.run(self.chatters[device].ask(frame))
        self.run(all_done())

    def heard_of(self, device: Device) -> list[Frame]:
        """Compare, and return what this one was sent."""
        heard = self.chatters[device].take()
        self.compare_one(device, heard, in_order=self.is_one_process)
        return heard

    def compare(self) -> None:
        for device, chatter in self.chatters.items():
            self.compare_one(device, chatter.take(), in_order=self.is_one_process)

    def compare_one(self, device: Device, heard: list[Frame], *, in_order: bool) -> None:
        due = self.model.take(device)
        if not in_order:
            for name in ROOMS:
                seqs = [frame["seq"] for frame in heard if frame["type"] == "message" and frame["room"] == name]
                assert seqs == sorted(seqs)
            heard, due = sorted(heard, key=json.dumps), sorted(due, key=json.dumps)
        assert heard == due


class WithOneBroker(Conversations):
    is_one_process = True

    def __init__(self) -> None:
        super().__init__()
        self.company = OneBroker()


class OverTwoNodes(Conversations):
    is_one_process = False

    def __init__(self) -> None:
        super().__init__()
        self.company = TwoNodes()


@pytest.mark.hunt
@pytest.mark.parametrize("conversations", [WithOneBroker, OverTwoNodes])
def test_everybody_is_sent_what_the_model_says(conversations: type[Conversations]) -> None:
    """Members, numbers, history, presence, kicks: nothing missing, nothing twice, nothing that is for others."""
    run_state_machine_as_test(conversations, settings=examples(25, steps=40))
