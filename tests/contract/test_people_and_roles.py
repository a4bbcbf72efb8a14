"""The rooms protocol between people: direct messages, typing, who comes and goes, and who may do what."""

from collections.abc import Iterator

import pytest

from tests.support.benches import eventually
from tests.support.rooms_client import Frame, Visitors, visitors
from tests.support.server_process import ServerProcess, server_process

pytestmark = pytest.mark.system

NASTY = "<img src=x onerror=alert(1)>'); DROP TABLE messages; --"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process() as running:
        yield running


@pytest.fixture
def chat(server: ServerProcess) -> Iterator[Visitors]:
    with visitors(server) as let_in:
        yield let_in
    eventually(lambda: server.request("/healthz")[1]["connections"] == 0, "everybody has gone")


def without_ts(frame: Frame) -> Frame:
    return {name: value for name, value in frame.items() if name != "ts"}


# --- direct messages


def test_a_direct_message_reaches_every_connection_of_one_user_and_nobody_else(chat: Visitors) -> None:
    """Also the sender's other connections, so that a conversation is the same everywhere; the sender gets an ack."""
    ann, anns_phone = chat.arrive("ann"), chat.arrive("ann")
    bob, bobs_phone = chat.arrive("bob"), chat.arrive("bob")
    cat = chat.arrive("cat").join("tea")

    assert ann.ask(type="direct", to="bob", text=NASTY, id="d1") == {"type": "ack", "id": "d1"}

    expected = {"type": "direct", "from": "ann", "to": "bob", "text": NASTY}
    for client in (bob, bobs_phone, anns_phone):
        assert [without_ts(frame) for frame in client.hear_all()] == [expected]
    assert cat.hear_all() == ann.hear_all() == []


def test_a_direct_message_without_an_id_has_no_ack(chat: Visitors) -> None:
    """As in a room."""
    ann, bob = chat.arrive("ann"), chat.arrive("bob")

    ann.send(type="direct", to="bob", text="psst")

    assert bob.hear()["text"] == "psst"
    assert ann.hear_all() == []


def test_a_direct_message_to_oneself_comes_back(chat: Visitors) -> None:
    """Once, to each connection, this one too."""
    ann, anns_phone = chat.arrive("ann"), chat.arrive("ann")

    ann.send(type="direct", to="ann", text="milk")

    assert [frame["text"] for frame in ann.hear_all()] == [frame["text"] for frame in anns_phone.hear_all()] == ["milk"]


def test_one_who_is_not_online_cannot_be_written_to(chat: Visitors) -> None:
    """A direct message is not kept for later, so the sender must know; a user is gone with the last connection."""
    ann, bob = chat.arrive("ann"), chat.arrive("bob")
    bob.leave()

    def refusal() -> Frame:
        return ann.ask(type="direct", to="bob", text="psst", id=7)

    eventually(
        lambda: refusal() == {"type": "error", "code": "not_online", "detail": "'bob' is not online", "id": 7},
        "bob is gone",
    )


# --- typing


def test_the_others_in_the_room_are_told_that_somebody_is_typing(chat: Visitors) -> None:
    """The writer is not told, nor anybody elsewhere; it is no message, so it has no number."""
    ann, bob, cat = chat.arrive("ann").join("tea"), chat.arrive("bob").join("tea"), chat.arrive("cat").join("coffee")

    ann.send(type="typing", room="tea")

    assert bob.hear() == {"type": "typing", "room": "tea", "user": "ann"}
    assert ann.hear_all() == cat.hear_all() == []
    assert ann.ask(type="typing", room="coffee")["code"] == "not_joined"


# --- presence


def test_who_asks_is_told_which_users_come_and_go(chat: Visitors) -> None:
    """A user comes with the first connection in the room, and goes with the last."""
    ann = chat.arrive("ann").join("hall", presence=True)
    unasked = chat.arrive("dan").join("hall")
    bob = chat.arrive("bob").join("hall", presence=True)
    bobs_phone = chat.arrive("bob").join("hall")

    bob.ask(type="leave", room="hall")
    bobs_phone.leave()

    assert [ann.hear() for _ in range(3)] == [
        {"type": "presence", "room": "hall", "user": user, "state": state}
        for user, state in [("dan", "joined"), ("bob", "joined"), ("bob", "left")]
    ]
    assert ann.hear_all() == unasked.hear_all() == bob.hear_all() == []


def test_whether_to_be_told_can_be_changed(chat: Visitors) -> None:
    """The latest join says it."""
    ann = chat.arrive("ann").join("hall", presence=True).join("hall")
    chat.arrive("bob").join("hall")
    assert ann.hear_all() == []

    ann.join("hall", presence=True)
    chat.arrive("cat").join("hall")
    assert ann.hear()["user"] == "cat"


# --- roles


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "message", "room": "tea", "text": "x", "id": 1},
        {"type": "direct", "to": "ann", "text": "x", "id": 1},
        {"type": "typing", "room": "tea", "id": 1},
    ],
)
def test_a_guest_only_reads(chat: Visitors, frame: Frame) -> None:
    """Hears the room and reads what was said; nobody hears what a guest would say."""
    ann = chat.arrive("ann").join("tea")
    guest = chat.arrive("guest-1", "guest").join("tea")

    assert guest.ask(**frame) == {"type": "error", "code": "forbidden", "detail": "guests only read", "id": 1}

    assert ann.hear_all() == []
    (seq,) = ann.say("tea", "hello")
    assert guest.hear()["seq"] == seq
    assert guest.ask(type="history", room="tea")["messages"][-1]["seq"] == seq


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "kick", "user": "ann"},
        {"type": "kick", "user": "ann", "room": "tea"},
        {"type": "close_room", "room": "tea"},
        {"type": "announce", "text": "x"},
    ],
)
@pytest.mark.parametrize("role", ["guest", "member", "root"])
def test_only_an_admin_rules(chat: Visitors, role: str, frame: Frame) -> None:
    """Whatever other roles a token names."""
    ann = chat.arrive("ann").join("tea")

    assert chat.arrive("bob", role).ask(**frame)["code"] == "forbidden"

    assert ann.hear_all() == []
    assert ann.ask(type="message", room="tea", text="still here")["type"] == "message"


def test_a_room_for_admins_is_there_for_admins_only(chat: Visitors) -> None:
    """Its name says so; nobody else is let in, whether the room exists or not."""
    name = "admin: plans"
    bob = chat.arrive("bob")
    assert bob.ask(type="join", room=name)["code"] == "forbidden"

    chat.arrive("root", "admin").join(name)

    assert bob.ask(type="join", room=name)["code"] == "forbidden"
    assert bob.ask(type="history", room=name)["code"] == "not_joined"
    assert bob.join("tea").ask(type="message", room=name, text="x")["code"] == "not_joined"


def test_an_admin_puts_a_user_out_of_one_room(chat: Visitors) -> None:
    """Every connection of the user in that room is told by whom; other rooms are left alone, the way back is open."""
    root = chat.arrive("root", "admin")
    ann = chat.arrive("ann").join("tea", presence=True)
    bob, bobs_phone = chat.arrive("bob").join("tea").join("coffee"), chat.arrive("bob").join("tea")
    assert ann.hear()["state"] == "joined"

    assert root.ask(type="kick", user="bob", room="tea", id=1) == {"type": "ack", "id": 1}

    assert bob.hear() == bobs_phone.hear() == {"type": "kicked", "room": "tea", "by": "root"}
    assert ann.hear() == {"type": "presence", "room": "tea", "user": "bob", "state": "left"}
    assert bob.ask(type="message", room="tea", text="x")["code"] == "not_joined"
    assert bob.ask(type="message", room="coffee", text="x")["type"] == "message"
    assert bob.ask(type="join", room="tea")["members"] == 2


def test_an_admin_puts_a_user_off_the_server(chat: Visitors) -> None:
    """Every connection is told by whom and closed with 4403; the rooms are left."""
    root = chat.arrive("root", "admin")
    ann = chat.arrive("ann").join("tea", presence=True)
    bob, bobs_phone = chat.arrive("bob").join("tea"), chat.arrive("bob")
    ann.hear()

    root.send(type="kick", user="bob")

    for client in (bob, bobs_phone):
        assert client.hear() == {"type": "kicked", "by": "root"}
        assert client.close_code() == (4403, "Removed by an admin")
    assert ann.hear()["state"] == "left"


def test_nobody_can_be_put_out_who_is_not_there(chat: Visitors) -> None:
    """The admin mistook the name, the room, or the moment."""
    root = chat.arrive("root", "admin")
    chat.arrive("bob").join("tea")

    for frame in ({"user": "bub"}, {"user": "bob", "room": "nowhere"}, {"user": "root", "room": "tea"}):
        assert root.ask(type="kick", id=1, **frame)["code"] == "not_online"
    assert root.ask(type="close_room", room="nowhere")["code"] == "not_online"


def test_an_admin_closes_a_room(chat: Visitors) -> None:
    """Everybody in it is told once and is out; its numbers go on when it opens again."""
    root = chat.arrive("root", "admin")
    ann, bob = chat.arrive("ann").join("pub", presence=True), chat.arrive("bob").join("pub", presence=True)
    ann.hear()
    ann.say("pub", "last orders")
    bob.hear()

    assert root.ask(type="close_room", room="pub", id=1) == {"type": "ack", "id": 1}

    assert ann.hear_all() == bob.hear_all() == [{"type": "closed", "room": "pub", "by": "root"}]
    assert ann.ask(type="message", room="pub", text="x")["code"] == "not_joined"
    assert bob.ask(type="join", room="pub") == {"type": "joined", "room": "pub", "members": 1, "seq": 1}


def test_an_admin_speaks_to_everybody(chat: Visitors) -> None:
    """Whichever rooms they are in, themselves too."""
    root, ann, bob = chat.arrive("root", "admin"), chat.arrive("ann").join("tea"), chat.arrive("bob")

    root.send(type="announce", text=NASTY)

    for client in (root, ann, bob):
        frame = client.hear()
        assert without_ts(frame) == {"type": "announcement", "from": "root", "text": NASTY}


# --- bad input


def test_what_is_refused_leaves_no_trace(chat: Visitors) -> None:
    """After a storm of bad frames the connection lives, and the connections and rooms are counted as before."""
    ann = chat.arrive("ann").join("tea")
    before = chat.server.request("/healthz")[1]
    bad = [
        '{"type": "direct", "to": 7, "text": "x"}',
        '{"type": "direct", "to": "\\u0000", "text": "x"}',
        '{"type": "history", "room": "tea", "after": 1e400}',
        '{"type": "history", "room": "tea", "limit": -5}',
        '{"type": "join", "room": "' + "r" * 65 + '"}',
        '{"type": "join", "room": "new", "presence": "yes"}',
        '{"type": "kick"}',
        '{"type": "typing", "room": {}}',
        '{"type": ' + "[" * 30_000 + "}",
    ]
    for frame in bad:
        ann.connection.send(frame)
        assert ann.hear()["type"] == "error", frame

    after = chat.server.request("/healthz")[1]
    assert (after["connections"], after["rooms"]) == (before["connections"], before["rooms"])
    assert ann.ask(type="message", room="tea", text="alive")["text"] == "alive"


def test_names_are_only_names(chat: Visitors) -> None:
    """SQL and HTML in a room's name or a user's come back as they were, and do nothing."""
    room, user = NASTY[:60], "<b>'; --"
    ann, bob = chat.arrive("ann").join(room), chat.arrive(user).join(room)

    ann.say(room, NASTY)
    bob.hear()

    assert bob.ask(type="history", room=room)["messages"][0]["text"] == NASTY
    assert ann.ask(type="direct", to=user, text="hi", id=1)["type"] == "ack"
    assert bob.hear()["to"] == user
