"""What was said in a room: over the socket and over HTTP, from memory and from the store, in one life and the next."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.benches import eventually
from tests.support.forgetful_server import FORGETFUL
from tests.support.http_answers import Answer, ask
from tests.support.patience import PATIENCE_S
from tests.support.rooms_client import Visitors, token_for, visitors
from tests.support.server_process import COMMAND, ServerProcess, server_process

pytestmark = pytest.mark.system

NASTY = "<img src=x onerror=alert(1)>'); DROP TABLE messages; --"

COMMANDS = {"memory": COMMAND, "store": FORGETFUL}


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    with server_process(command=COMMANDS[request.param]) as running:
        yield running


@pytest.fixture
def chat(server: ServerProcess) -> Iterator[Visitors]:
    with visitors(server) as let_in:
        yield let_in


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room for this test alone."""
    name: str = request.node.name
    return name[:60]


def get(server: ServerProcess, path: str, user: str = "ann", *roles: str) -> Answer:
    return ask(server, "GET", path, headers={"Authorization": f"Bearer {token_for(user, *roles)}"})


def read(server: ServerProcess, room: str, query: str = "", user: str = "ann", *roles: str) -> Answer:
    return get(server, f"/rooms/{quote(room, safe='')}/messages{query}", user, *roles)


def seqs(page: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in page["messages"]]


# --- catching up


def test_who_comes_back_gets_what_was_missed_exactly_once(chat: Visitors, room: str) -> None:
    """After the last number seen, and up to the join: what came later was sent as it was written."""
    ann, bob = chat.arrive("ann").join(room), chat.arrive("bob").join(room)
    ann.say(room, "1", "2", "3")
    assert [frame["seq"] for frame in bob.hear_all()] == [1, 2, 3]
    bob.leave()
    ann.say(room, "4", NASTY, "6", "7", "8", "9", "10", "11", "12")

    bob = chat.arrive("bob")
    assert bob.ask(type="join", room=room)["seq"] == 12
    ann.say(room, "13")
    assert bob.hear()["seq"] == 13
    caught_up = bob.ask(type="history", room=room, after=3)

    assert seqs(caught_up) == list(range(4, 13))
    assert caught_up["more"] is False
    assert (caught_up["type"], caught_up["room"]) == ("history", room)
    assert [message["text"] for message in caught_up["messages"]][:3] == ["4", NASTY, "6"]
    assert {message["from"] for message in caught_up["messages"]} == {"ann"}
    assert bob.hear_all() == []


def test_catching_up_goes_on_in_parts(chat: Visitors, room: str) -> None:
    """With `more`, there is more after the last; without it, all up to the join is there."""
    chat.arrive("ann").join(room).say(room, *"abcdefghijkl")
    bob = chat.arrive("bob").join(room)

    parts = [bob.ask(type="history", room=room, after=after, limit=5) for after in (0, 5, 10)]

    assert [seqs(part) for part in parts] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12]]
    assert [part["more"] for part in parts] == [True, True, False]


@pytest.mark.parametrize("after", [12, 13, 2**53 - 1])
def test_who_has_missed_nothing_gets_nothing(chat: Visitors, room: str, after: int) -> None:
    """Also one who claims to have seen what is not there yet."""
    chat.arrive("ann").join(room).say(room, *"abcdefghijkl")
    bob = chat.arrive("bob").join(room)

    assert bob.ask(type="history", room=room, after=after) == {
        "type": "history",
        "room": room,
        "messages": [],
        "more": False,
    }


def test_joining_again_moves_nothing(chat: Visitors, room: str) -> None:
    """Since the first join everything is sent; a second one does not make history of it."""
    ann = chat.arrive("ann").join(room)
    ann.say(room, *"abc")

    assert ann.ask(type="join", room=room)["seq"] == 3
    assert seqs(ann.ask(type="history", room=room, after=0)) == []


def test_without_a_number_the_newest_are_given(chat: Visitors, room: str) -> None:
    """For who comes for the first time: the newest, in the order they were said, and whether there are older ones."""
    chat.arrive("ann").join(room).say(room, *"abcdefghijkl")
    bob = chat.arrive("bob").join(room)

    newest, all_there_is = bob.ask(type="history", room=room, limit=7), bob.ask(type="history", room=room, limit=12)

    assert (seqs(newest), newest["more"]) == ([6, 7, 8, 9, 10, 11, 12], True)
    assert (seqs(all_there_is), all_there_is["more"]) == (list(range(1, 13)), False)


def test_a_part_is_bounded_in_bytes(chat: Visitors, room: str) -> None:
    """256 KiB of text: more in one frame would be more than many clients take."""
    chat.arrive("ann").join(room).say(room, *["x" * 50_000] * 7)
    bob = chat.arrive("bob").join(room)

    first = bob.ask(type="history", room=room, after=0)
    newest = bob.ask(type="history", room=room)

    assert (seqs(first), first["more"]) == ([1, 2, 3, 4, 5], True)
    assert (seqs(newest), newest["more"]) == ([3, 4, 5, 6, 7], True)


def test_history_is_for_who_is_in_the_room(chat: Visitors, room: str) -> None:
    """Whether there is such a room or not; one who left is out."""
    ann, bob = chat.arrive("ann").join(room), chat.arrive("bob")
    ann.say(room, "secret")
    assert bob.ask(type="history", room=room, id=1)["code"] == "not_joined"

    bob.join(room).ask(type="leave", room=room)
    assert bob.ask(type="history", room=room, after=0)["code"] == "not_joined"


def test_a_room_that_everybody_left_still_knows_what_was_said(chat: Visitors, room: str) -> None:
    """Nothing of it is in memory then; the numbers go on."""
    ann = chat.arrive("ann").join(room)
    ann.say(room, *"abc")
    ann.ask(type="leave", room=room)

    assert ann.join(room).say(room, "d") == [4]
    assert seqs(ann.ask(type="history", room=room)) == [1, 2, 3, 4]
    assert seqs(ann.ask(type="history", room=room, after=1)) == [2, 3]


# --- over HTTP


def test_scrolling_up_reads_page_after_page(server: ServerProcess, chat: Visitors, room: str) -> None:
    """Each the newest before a number; at the top there is no more."""
    ann = chat.arrive("ann").join(room)
    ann.say(room, *"abcdefghijkl")

    pages = [read(server, room, query).json for query in ("?limit=5", "?limit=5&before=8", "?limit=5&before=3")]

    assert [seqs(page) for page in pages] == [[8, 9, 10, 11, 12], [3, 4, 5, 6, 7], [1, 2]]
    assert [page["more"] for page in pages] == [True, True, False]
    assert pages[2]["messages"][0] == {"seq": 1, "from": "ann", "text": "a", "ts": pages[2]["messages"][0]["ts"]}


def test_history_over_http_is_for_who_is_in_the_room_and_for_admins(
    server: ServerProcess, chat: Visitors, room: str
) -> None:
    """403 for everybody else, and for everybody where there is no such room; 401 for nobody in particular."""
    chat.arrive("ann").join(room).say(room, "secret")
    chat.arrive("bob")

    assert read(server, room).status == 200
    assert read(server, room, "", "root", "admin").json["messages"][0]["text"] == "secret"
    assert read(server, room, "", "bob").status == read(server, "nowhere", "", "bob").status == 403
    assert "secret" not in read(server, room, "", "bob").body.decode()
    assert ask(server, "GET", f"/rooms/{room}/messages").status == 401
    assert ask(server, "GET", f"/rooms/{room}/messages", headers={"Authorization": "Bearer x"}).status == 401


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "before=0", "before=-1", f"before={2**53}", "before=1.5"])
def test_what_is_no_page_is_422(server: ServerProcess, query: str) -> None:
    """Before anything is looked up."""
    assert read(server, "tea", f"?{query}").status == 422


def test_a_page_has_a_hundred_messages_at_most(server: ServerProcess, chat: Visitors, room: str) -> None:
    """Whatever was asked for."""
    chat.arrive("ann").join(room).say(room, *["x"] * 101)

    page = read(server, room, "?limit=1000000").json

    assert (seqs(page), page["more"]) == (list(range(2, 102)), True)


# --- rooms and people over HTTP


def test_everybody_who_is_connected_is_online_once(server: ServerProcess, chat: Visitors) -> None:
    """By name, whatever number of connections; gone with the last of them."""
    eventually(lambda: get(server, "/users/online").json["count"] == 0, "the last test's users have gone")
    ann, anns_phone, _ = chat.arrive("ann"), chat.arrive("ann"), chat.arrive(NASTY)

    assert get(server, "/users/online").json == {"users": ["ann", NASTY], "count": 2}
    assert get(server, "/users/online?limit=1").json == {"users": ["ann"], "count": 2}

    ann.leave()
    anns_phone.leave()
    eventually(lambda: get(server, "/users/online").json == {"users": [NASTY], "count": 1}, "ann has gone")


def test_rooms_are_listed_with_their_members(server: ServerProcess, chat: Visitors, room: str) -> None:
    """The fullest first; those that only an admin may see, to admins."""
    ann, anns_phone = chat.arrive("ann").join(room), chat.arrive("ann").join(room)
    chat.arrive("root", "admin").join(f"admin: {room}"[:60])
    chat.arrive("bob").join("another")

    listed = get(server, "/rooms?limit=1000").json
    of_admin = get(server, "/rooms?limit=1000", "root", "admin").json

    assert listed["rooms"][0] == {"name": room, "members": 2}
    assert not [each for each in listed["rooms"] if each["name"].startswith("admin:")]
    assert len(of_admin["rooms"]) == len(listed["rooms"]) + 1
    assert not listed["more"]
    assert get(server, "/rooms?limit=1").json == {"rooms": [{"name": room, "members": 2}], "more": True}
    assert ann.hear_all() == anns_phone.hear_all() == []


@pytest.mark.parametrize("name", ["tea", "a/b", "a/users", "ünï cödé?&#", NASTY[:60]])
def test_anybody_may_see_who_is_in_a_room(server: ServerProcess, chat: Visitors, name: str) -> None:
    """Each user once, whatever the room is called."""
    path = f"/rooms/{quote(name, safe='')}/users"
    assert get(server, path, "cat").status in (200, 404)
    ann, _, bob = chat.arrive("ann").join(name), chat.arrive("ann").join(name), chat.arrive("bob").join(name)

    assert get(server, path, "cat").json == {"users": ["ann", "bob"], "count": 2}
    ann.say(name, "x")
    bob.hear()
    assert read(server, name).json["messages"][0]["text"] == "x"


def test_a_room_that_is_not_there_is_404(server: ServerProcess) -> None:
    """One that is for admins is 403, there or not."""
    assert get(server, "/rooms/nowhere/users").status == 404
    assert get(server, f"/rooms/{quote('admin: nowhere')}/users").status == 403
    assert get(server, f"/rooms/{quote('admin: nowhere')}/users", "root", "admin").status == 404


@pytest.mark.parametrize("name", ["", "tea\n", "a\nb", "a\0b", "x" * 500])
def test_a_name_that_no_room_can_have_is_that_of_a_room_that_is_not_there(server: ServerProcess, name: str) -> None:
    """An answer of ours, and not of a path that nobody knows."""
    path = f"/rooms/{quote(name, safe='')}/users"

    assert get(server, path).json == {"detail": "There is no such room"}
    assert read(server, name).json == {"detail": "Join the room first"}
    assert read(server, name, "", "root", "admin").json == {"room": name, "messages": [], "more": False}


@pytest.mark.parametrize("path", ["/users/online", "/rooms", "/rooms/tea/users"])
def test_without_a_login_nothing_is_told(server: ServerProcess, path: str) -> None:
    """401, and how to do better."""
    answer = ask(server, "GET", path)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


# --- the next life


def test_what_was_said_outlives_the_server(tmp_path: Path) -> None:
    """The numbers go on, and what was said before is history."""
    flags = ("--db", f"sqlite:///{tmp_path / 'chat.db'}")
    with server_process(*flags) as first, visitors(first) as chat:
        chat.arrive("ann").join("tea").say("tea", "hello", NASTY)
        assert first.stop() == 0

    with server_process(*flags) as second, visitors(second) as chat:
        assert second.request("/healthz")[1]["rooms"] == 1
        ann = chat.arrive("ann")
        assert ann.ask(type="join", room="tea") == {"type": "joined", "room": "tea", "members": 1, "seq": 2}
        assert [message["text"] for message in ann.ask(type="history", room="tea", after=0)["messages"]] == [
            "hello",
            NASTY,
        ]
        assert ann.say("tea", "again") == [3]


def test_without_a_database_nothing_outlives_the_server() -> None:
    """A run of a benchmark leaves no files behind, and finds none."""
    with server_process() as first, visitors(first) as chat:
        chat.arrive("ann").join("tea").say("tea", "hello")
    with server_process() as second, visitors(second) as chat:
        assert chat.arrive("ann").ask(type="join", room="tea")["seq"] == 0


A_STORE_THAT_FAILS = """
from target_app import __main__, sqlite_store, store

async def fail(*_):
    raise store.StoreError("disk full")

sqlite_store.SqliteStore.append = sqlite_store.SqliteStore.newest = fail
raise SystemExit(__main__.main())
"""


A_STORE_THAT_TAKES_ONE_AND_HANGS = """
import asyncio
from target_app import __main__, sqlite_store, writer

async def hang(*_):
    await asyncio.Event().wait()

sqlite_store.SqliteStore.append = hang
writer.Writer.behind = property(lambda self: self.waiting_count >= 1)
raise SystemExit(__main__.main())
"""


@pytest.fixture
def failing() -> Iterator[ServerProcess]:
    with server_process(command=[*COMMAND[:1], "-c", A_STORE_THAT_FAILS]) as running:
        yield running


def test_a_message_that_is_not_stored_has_no_ack(failing: ServerProcess) -> None:
    """Everybody has heard it all the same; the sender gets an error with its id, and health says so."""
    with visitors(failing) as chat:
        ann, bob = chat.arrive("ann").join("tea"), chat.arrive("bob").join("tea")
        assert ann.ask(type="message", room="tea", text="x", id="m1")["seq"] == 1

        assert bob.hear()["seq"] == 1
        error = ann.hear()
        assert (error["type"], error["code"], error["id"]) == ("error", "storage_failed", "m1")
        assert failing.request("/healthz")[1]["status"] == "degraded"
        assert ann.ask(type="ping") == {"type": "pong"}


def test_a_message_that_the_store_has_no_room_for_is_not_said() -> None:
    """Refused before it has a number, so nobody hears it and there is no gap; whatever else is asked goes on."""
    with (
        server_process(command=[*COMMAND[:1], "-c", A_STORE_THAT_TAKES_ONE_AND_HANGS]) as behind,
        visitors(behind) as chat,
    ):
        ann, bob = chat.arrive("ann").join("tea"), chat.arrive("bob").join("tea")
        assert ann.ask(type="message", room="tea", text="x", id=1)["seq"] == 1

        refusal = ann.ask(type="message", room="tea", text="y", id=2)

        assert (refusal["type"], refusal["code"], refusal["id"]) == ("error", "storage_behind", 2)
        assert [frame["text"] for frame in bob.hear_all()] == ["x"]
        assert chat.arrive("cat").ask(type="join", room="tea")["seq"] == 1
        assert behind.request("/healthz")[1]["status"] == "degraded"


def test_a_history_that_cannot_be_read_is_said_to_be_so(failing: ServerProcess) -> None:
    """`storage_failed` over the socket, 503 over HTTP, and not an empty history."""
    with visitors(failing) as chat:
        ann = chat.arrive("ann").join("tea")

        assert ann.ask(type="history", room="tea", id=1)["code"] == "storage_failed"
        assert read(failing, "tea").status == 503


def test_a_database_that_cannot_be_opened_is_one_clear_line(tmp_path: Path) -> None:
    """The server does not start, says which file and why, and ends as with any other flag it cannot follow."""
    path = tmp_path / "no such folder" / "chat.db"

    ended = subprocess.run(
        [*COMMAND, "--port", "0", "--db", f"sqlite:///{path}"],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip

    assert ended.returncode == 104
    assert ended.stderr.splitlines()[-1] == f"target_app: {path}: unable to open database file"
    assert "Traceback" not in ended.stderr
