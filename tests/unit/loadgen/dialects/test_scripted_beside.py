"""What a dialect file says beside messages to the room: direct ones, typing, presence, history."""

from loadgen.dialects import Ack, Confirmation, HttpRequest
from loadgen.dialects.script import DirectScript, HistoryScript, HttpScript, JoinScript, PublishScript, SideScript
from tests.support.scripted_dialects import NOTHING, a_dialect, awaiting


def test_a_direct_message_names_its_receiver() -> None:
    """In a frame, or in a request."""
    over_socket = a_dialect(direct=DirectScript('{"to":"{to}","id":"{id}","text":"{json:text}"}'))
    over_http = a_dialect(direct=DirectScript(http=HttpScript("/to/{to}", body="{text}")))

    assert over_socket.direct("bob", 'a "b"', "m-1") == b'{"to":"bob","id":"m-1","text":"a \\"b\\""}'
    assert over_http.direct("b/b", "hi", "m-1") == HttpRequest("POST", "/to/b%2Fb", body=b"hi")


def test_direct_messages_have_acknowledgements_of_their_own() -> None:
    """Those of messages to the room are looked for first, since they may say more."""
    dialect = a_dialect(
        publish=PublishScript("{id} {text}", ack="ok {id} as {seq}"),
        direct=DirectScript("{to} {id} {text}", ack="ok {id}"),
    )

    assert dialect.has_direct_ack
    assert dialect.on_frame(b"ok m-1 as 7").acks == [Ack("m-1", 7)]
    assert dialect.on_frame(b"ok m-2").acks == [Ack("m-2")]


def test_a_message_may_name_its_user() -> None:
    """What is the same for all users of a room is made once for them, and this is not."""
    dialect = a_dialect(publish=PublishScript("{username} in {room}: {text}"))

    assert dialect.publish("room-1", "hi", "m-1") == b"ann in room-1: hi"


def test_a_direct_message_is_acknowledged_by_its_number() -> None:
    """The number alone is enough, since the rest of its id is that of the message before; nothing is where none was."""
    dialect = a_dialect(
        publish=PublishScript("{text}", ack="ok {n}"), direct=DirectScript("{to} {n} {text}", ack="got {n}")
    )
    assert dialect.on_frame(b"got 1007") == NOTHING

    dialect.direct("bob", "hi", "c0-3-7")
    assert dialect.on_frame(b"got 1007").acks == [Ack("c0-3-7")]


def test_typing_presence_and_history_are_asked_for_in_the_room() -> None:
    """With everything that is known of the user."""
    dialect = a_dialect(
        username="ann",
        join=JoinScript(("join {room}",)),
        typing=SideScript("{username} types in {room}"),
        presence=SideScript(http=HttpScript("/{room}", "GET")),
        history=HistoryScript("past", send="past of {room}"),
    )
    dialect.join(["room-1"])

    assert dialect.typing("room-1") == b"ann types in room-1"
    assert dialect.presence("room-1") == HttpRequest("GET", "/room-1")
    assert dialect.history("room-1") == b"past of room-1"


def test_what_is_asked_besides_knows_the_user_and_the_room() -> None:
    """In path, headers and body."""
    headers = {"Authorization": "Bearer {token}"}
    dialect = a_dialect(
        username="ann b", http=HttpScript("/{room}/of/{username}", "PUT", headers, json={"who": "{username}"})
    )
    dialect.use_token("t0")

    assert dialect.http("room-1") == HttpRequest(
        "PUT", "/room-1/of/ann%20b", (("Authorization", "Bearer t0"),), b'{"who": "ann b"}', "application/json"
    )


PAGED = HistoryScript("past", catch_up="after {after}", seq="#{seq} ", more="more")


def test_who_comes_back_asks_for_what_came_after_the_last_message() -> None:
    """Before the first one, for what came after the join; page by page, as long as they lead on."""
    dialect = awaiting("hello", history=PAGED)
    assert dialect.catch_up() == []
    assert dialect.on_frame(b"hello, we are at #3 of today").confirmed is Confirmation.JOINED
    assert dialect.catch_up() == [b"after 3"]
    assert dialect.on_frame(b"past ").replies == ()
    dialect.has_heard("room-1", b"#8 good morning")
    assert dialect.catch_up() == [b"after 8"]
    assert dialect.on_frame(b"past #9 a #11 b more").replies == (b"after 11",)
    assert dialect.on_frame(b"past #11 b more").replies == ()
    assert dialect.catch_up() == [b"after 11"]
    assert dialect.on_frame(b"past #12 c").replies == ()


def test_who_joins_again_goes_on_after_the_last_message() -> None:
    """Its number in the room is not that of the confirmation, which names what it has missed as well."""
    dialect = awaiting("hello", history=PAGED)
    dialect.on_frame(b"hello #3 ")
    dialect.has_heard("room-1", b"#8 good morning")
    dialect.join(["room-1"])
    dialect.on_frame(b"hello #20 ")

    assert dialect.catch_up() == [b"after 8"]


def test_who_is_cut_off_while_catching_up_goes_on_where_it_was() -> None:
    """What came live meanwhile is later: between the two lies what has not come."""
    dialect = awaiting("hello", history=PAGED)
    dialect.on_frame(b"hello #3 ")
    assert dialect.catch_up() == [b"after 3"]
    assert dialect.unread() == [b"after 3"]
    assert dialect.on_frame(b"past #5 a more").replies == (b"after 5",)
    dialect.has_heard("room-1", b"#8 live")
    assert dialect.catch_up() == dialect.unread() == [b"after 5"]
    assert dialect.on_frame(b"past #7 b").replies == ()
    assert dialect.unread() == []
    dialect.has_heard("room-1", b"#9 live")
    assert dialect.catch_up() == [b"after 9"]


def test_a_page_that_was_not_asked_for_is_not_followed() -> None:
    """The latest messages have older ones before them, which nobody wants."""
    dialect = awaiting("hello", history=PAGED)
    dialect.on_frame(b"hello #3 ")

    assert dialect.on_frame(b"past #9 a more") == NOTHING
