"""MQTT packets, as MQTT 3.1.1 has them."""

import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.dialects import Ack, Confirmation, Credentials, Heard, KeepAlive, Opening
from loadgen.dialects.mqtt import MOST_IN_FLIGHT, MqttDialect, MqttOptions
from loadgen.dialects.script import ConnectScript, DialectScript, PublishScript
from loadgen.dialects.scripted import MOST_IN_A_FRAME
from loadgen.errors import InputError

CONNACK = b"\x20\x02\x00\x00"
SUBACK = b"\x90\x03\xea\x61\x00"
DELIVERY = b"\x30\x06\x00\x01ahey"
NOTHING = Heard()


def a_client(**options: Any) -> MqttDialect:
    script = DialectScript(
        "mqtt",
        ConnectScript("/mqtt", subprotocols=("mqtt",)),
        PublishScript(),
        speaker=MqttDialect,
        options=MqttOptions(**options),
    )
    return MqttDialect(MqttDialect.complete(script), Credentials(4, "ann", "pw"))


def joined(*rooms: str, **options: Any) -> MqttDialect:
    client = a_client(**options)
    client.open(rooms)
    client.on_connected()
    client.on_frame(CONNACK)
    client.join(rooms)
    for number in range(len(rooms)):
        client.on_frame(b"\x90\x03" + (60_001 + number).to_bytes(2, "big") + b"\x00")
    return client


def test_a_client_connects_and_subscribes() -> None:
    """A clean session, binary frames, QoS 0 for what is delivered."""
    client = a_client(keep_alive_s=10.0)

    assert client.open(["a"]) == Opening("/mqtt", (), ("mqtt",), is_binary=True)
    assert client.awaits_greeting
    assert client.on_connected() == [b"\x10\x17\x00\x04MQTT\x04\x02\x00\x14\x00\x0bchatbench-5"]
    assert client.on_frame(CONNACK) == Heard(Confirmation.CONNECTED, [], ())
    assert client.awaits_join
    assert client.join(["a"]) == [b"\x82\x06\xea\x61\x00\x01a\x00"]
    assert client.on_frame(SUBACK) == Heard(Confirmation.JOINED, [], ())


def test_name_and_password_are_sent_where_the_file_says_so() -> None:
    """Each with its flag."""
    client = a_client(client_id="c", username="{username}", password="{token}")
    client.use_token("t0")
    client.open(["a"])

    assert client.on_connected() == [b"\x10\x16\x00\x04MQTT\x04\xc2\x00\x28\x00\x01c\x00\x03ann\x00\x02t0"]


@pytest.mark.parametrize(
    ("packet", "error"),
    [
        (b"\x20\x02\x00\x05", "CONNACK 5: not authorized"),
        (b"\x20\x02\x00\x04", "CONNACK 4: bad user name or password"),
        (b"\x90\x03\xea\x61\x80", "SUBACK 128: the subscription was refused"),
    ],
)
def test_what_the_broker_refuses_is_said(packet: bytes, error: str) -> None:
    """In words."""
    client = a_client()
    client.open(["a"])
    client.on_connected()
    assert client.on_frame(packet).error == error


def test_a_user_of_two_rooms_is_in_when_both_are_confirmed() -> None:
    """In any order."""
    client = a_client()
    client.open(["a", "b"])
    client.on_connected()
    client.on_frame(CONNACK)
    client.join(["a", "b"])

    assert client.on_frame(b"\x90\x03\xea\x62\x00") == NOTHING
    assert client.on_frame(b"\x90\x03\xea\x62\x00") == NOTHING  # said twice
    assert client.on_frame(SUBACK).confirmed is Confirmation.JOINED


def test_a_message_is_acknowledged_by_its_packet() -> None:
    """QoS 1; the identifiers begin anew before they reach those of subscriptions."""
    client = joined("a")

    assert client.publish("a", "hey", "c0-4-0") == b"\x32\x08\x00\x01a\x00\x01hey"
    assert client.publish("a", "x" * 200, "c0-4-1")[:6] == b"\x32\xcd\x01\x00\x01a"
    assert client.on_frame(b"\x40\x02\x00\x02").acks == [Ack("c0-4-1")]
    assert client.on_frame(b"\x40\x02\x00\x02") == NOTHING
    for n in range(2, MOST_IN_FLIGHT + 1):
        last = client.publish("a", "hey", f"c0-4-{n}")
    assert last == b"\x32\x08\x00\x01a\x00\x01hey"


def test_a_message_of_qos_0_wants_no_acknowledgement() -> None:
    """It has no identifier."""
    client = joined("a", qos=0, payload='{"t":"{json:text}"}', topic="chat/{room}")

    assert not client.has_ack
    assert client.publish("a", 'h"', "c0-4-0") == b'\x30\x13\x00\x06chat/a{"t":"h\\""}'


def test_a_message_may_name_its_user() -> None:
    """What is the same for all users of a room is made once for them, and this is not."""
    client = joined("a", qos=0, payload="{username}: {text}")

    assert client.publish("a", "hey", "c0-4-0") == b"\x30\x0b\x00\x01aann: hey"


def test_a_frame_may_hold_several_packets_and_parts_of_them() -> None:
    """A packet is read when its last byte has come."""
    client = joined("a")
    for n in range(3):
        client.publish("a", "hey", f"c0-4-{n}")
    stream = DELIVERY + b"\x40\x02\x00\x01" + b"\x30\xc8\x01" + b"x" * 200 + b"\x40\x02\x00\x02\x40\x02\x00\x03"

    for cut in range(len(stream)):
        again = joined("a")
        for n in range(3):
            again.publish("a", "hey", f"c0-4-{n}")
        heard = [again.on_frame(stream[:cut]), again.on_frame(stream[cut:])]
        assert [ack.message_id for each in heard for ack in each.acks] == ["c0-4-0", "c0-4-1", "c0-4-2"]


def packet(first: int, body_bytes: int) -> bytes:
    """Its length as MQTT 3.1.1, 2.2.3 has it."""
    digits, rest = [], body_bytes
    while rest >= 0x80:
        digits.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((first, *digits, rest)) + bytes(body_bytes)


@pytest.mark.parametrize("body_bytes", [0, 1, 2, 126, 127, 128, 300, 16_383, 16_384, 20_000])
@pytest.mark.parametrize("missing", [0, 1])
def test_an_acknowledgement_is_found_after_a_message_of_any_length(body_bytes: int, missing: int) -> None:
    """In the same frame or in the next one; a frame that is one message from end to end is looked at no further."""
    client = joined("a")
    client.publish("a", "hey", "c0-4-0")
    message, ack = packet(0x30, body_bytes), b"\x40\x02\x00\x01"
    stream, cut = message + message + ack, len(message) - missing

    heard = [client.on_frame(part) for part in (stream[:cut], stream[cut:])]
    assert [ack.message_id for each in heard for ack in each.acks] == ["c0-4-0"]


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_whatever_comes_is_survived(frames: list[bytes]) -> None:
    """A server may send anything."""
    client = joined("a")
    for frame in frames:
        client.on_frame(frame)


MILLION = b"\xff" * 1_000_000


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (b"\x20" + MILLION, "not MQTT: a packet whose length has no end"),
        (b"\x30\xff\xff\xff\xff\x01", "not MQTT: a packet whose length has no end"),
        (b"\x90\xff\xff\xff\x7f" + MILLION, "not MQTT: a packet of kind 9 with 268,435,455 bytes"),
        (b"\xd0\x00" * (MOST_IN_A_FRAME + 1), "more than 100,000 messages in a frame: the rest is not looked at"),
    ],
    ids=["a length without end", "a length of five digits", "a packet that is too long", "too many packets"],
)
def test_what_is_no_mqtt_is_told_and_the_next_frame_begins_anew(frame: bytes, error: str) -> None:
    """To read the first took hours, and the third was kept, with all that came after it, to the end of the run."""
    client = joined("a")
    client.publish("a", "hey", "c0-4-0")

    assert client.on_frame(frame) == Heard(None, [], (), error)
    assert client.on_frame(b"\x40\x02\x00\x01").acks == [Ack("c0-4-0")]


def test_as_many_packets_as_are_looked_at_are_no_error() -> None:
    """One more would be."""
    client = joined("a")
    assert client.on_frame(b"\xd0\x00" * MOST_IN_A_FRAME) == NOTHING


def test_a_message_without_end_fills_no_memory() -> None:
    """Its text is looked for elsewhere, so it need not be kept until it is whole."""
    client = joined("a")
    client.publish("a", "hey", "c0-4-0")
    tracemalloc.start()
    client.on_frame(b"\x30\x80\x80\x80\x05" + MILLION)  # 10 MB, and a half more
    for _ in range(9):
        client.on_frame(MILLION)
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept_bytes < len(MILLION)
    rest = MILLION[: 5 * 128**3 - 10 * len(MILLION)]
    assert client.on_frame(rest + b"\x40\x02\x00\x01").acks == [Ack("c0-4-0")]


def test_who_is_told_twice_that_it_is_in_still_hears_that_it_has_joined() -> None:
    """The second time says nothing new."""
    client = a_client()
    client.open(["a"])
    client.on_connected()
    client.on_frame(CONNACK)
    client.join(["a"])
    client.on_frame(CONNACK)

    assert client.awaited == "SUBACK"
    assert client.on_frame(SUBACK).confirmed is Confirmation.JOINED


def test_pings_want_an_answer() -> None:
    """It is missed until it has come."""
    client = joined("a")

    assert client.keep_alive() == KeepAlive(20 * 10**9, b"\xc0\x00")
    assert client.misses_answer
    client.on_frame(b"\xd0\x00")
    assert not client.misses_answer
    assert client.leave() == [b"\xe0\x00"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"qos": 2}, "options.qos: expected 0 or 1, got 2"),
        ({"keep_alive_s": 0.0}, "options.keep_alive_s: expected seconds > 0, 30,000 at most, got 0"),
        (
            {"payload": "hi"},
            "options.payload: expected {text} or {json:text} in it, which carries the marker, got neither",
        ),
        ({"topic": "chat/#"}, 'options.topic: expected the name of one topic, got "#" in it'),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], line: str) -> None:
    """In one line."""
    script = replace(DialectScript("m", ConnectScript("/"), PublishScript()), options=MqttOptions(**options))
    with pytest.raises(InputError) as caught:
        MqttDialect.complete(script)
    assert str(caught.value) == line


def test_a_frame_that_is_one_message_says_nothing_else() -> None:
    """Unless it ends a packet that began before it."""
    client = joined("a")
    long = b"\x30\xc8\x01" + b"x" * 200

    assert [client.may_tell(frame) for frame in (DELIVERY, long)] == [False, False]
    assert [client.may_tell(frame) for frame in (DELIVERY + SUBACK, long[:-1], b"\x40\x02\x00\x01")] == [True] * 3
    client.on_frame(DELIVERY[:3])
    assert client.may_tell(DELIVERY)
