"""What a server says in each of our dialects: enough to let users in, and to give back what each of them says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOGIN_ANSWER = b'{"access_token":"let-me-in","token_type":"bearer"}'


@dataclass(frozen=True, slots=True)
class Tongue:
    """A server's side of a dialect. It remembers nothing, and speaks in turns: unasked at first, then when asked."""

    dialect: str
    """The name of one that comes with us, or the path of a file."""
    turns_in: int
    """In how many turns a user is in; the next one is the answer to its first message."""
    answers: Callable[[bytes], list[bytes]]
    """What it says to a frame of the user, a turn of one frame or several; none where it has nothing to say."""
    hello: tuple[bytes, ...] = ()
    """What it says unasked; none: the first turn is an answer, too."""
    is_binary: bool = False

    @property
    def name(self) -> str:
        """Of the dialect."""
        return Path(self.dialect).stem


def as_json(value: Any) -> bytes:
    """As compact as servers write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _reference(said: bytes) -> list[bytes]:
    asked = json.loads(said)
    match asked["type"]:
        case "join":
            return [as_json({"type": "joined", "room": asked["room"], "members": 1, "seq": 0})]
        case "message":
            room, seq = asked["room"], int(asked["id"].rpartition("-")[2]) + 1
            heard = {"type": "message", "room": room, "seq": seq, "user": "ann", "text": asked["text"]}
            return [as_json(heard), as_json({"type": "ack", "id": asked["id"], "seq": seq})]
        case "ping":
            return [b'{"type":"pong"}']
    return []


def _echo(said: bytes) -> list[bytes]:
    return [said]


def _relay(said: bytes) -> list[bytes]:
    word, _, rest = said.partition(b" ")
    if word == b"JOIN":
        return [b"JOINED " + rest]
    message_id, _, text = rest.partition(b" ")
    return [text, b"ACK " + message_id]


def _socketio(said: bytes) -> list[bytes]:
    if said.startswith(b"40"):
        return [b'40{"sid":"b"}']
    event = re.match(rb'42(\d+)(\["(join|message)",.*\])$', said, re.DOTALL)
    if event is None:
        return []
    if event[3] == b"join":
        return [b'43%b[{"joined":true}]' % event[1]]
    return [b"42" + event[2], b'43%b[{"taken":true}]' % event[1]]


def _stomp(said: bytes) -> list[bytes]:
    head, _, body = said.rstrip(b"\0").partition(b"\n\n")
    command, *lines = head.split(b"\n")
    headers = {name: value for name, _, value in (line.partition(b":") for line in lines)}
    receipt = [b"RECEIPT\nreceipt-id:%b\n\n\0" % headers[b"receipt"]] if b"receipt" in headers else []
    match command:
        case b"CONNECT":
            return [b"CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0"]
        case b"SEND":
            told = b"MESSAGE\nsubscription:1\nmessage-id:1\ndestination:%b\n\n%b\0" % (headers[b"destination"], body)
            return [told, *receipt]
    return receipt


def _mqtt(said: bytes) -> list[bytes]:
    begin = next(at for at in range(1, 5) if said[at] < 0x80) + 1  # behind the digits of the length
    body = said[begin:]
    match said[0] >> 4:
        case 1:
            return [b"\x20\x02\x00\x00"]
        case 3:
            topic_end = 2 + int.from_bytes(body[:2], "big")
            told = body[:topic_end] + body[topic_end + 2 :]
            high, low = divmod(len(told), 128)
            length = bytes((low | 0x80, high)) if high else bytes((low,))
            return [b"\x30" + length + told, b"\x40\x02" + body[topic_end : topic_end + 2]]
        case 8:
            return [b"\x90\x03" + body[:2] + b"\x00"]
        case 12:
            return [b"\xd0\x00"]
    return []


def _nats(said: bytes) -> list[bytes]:
    if said.startswith(b"PUB "):
        head, _, rest = said.partition(b"\r\n")
        _, room, size = head.split(b" ")
        return [b"MSG %b 1 %b\r\n%b\r\n" % (room, size, rest[: int(size)]), b"PONG\r\n"]
    return [b"PONG\r\n"] if said.endswith(b"PING\r\n") else []


def _phoenix(said: bytes) -> list[bytes]:
    join_ref, ref, topic, event, payload = json.loads(said)
    reply = as_json([join_ref, ref, topic, "phx_reply", {"response": {}, "status": "ok"}])
    match event:
        case "phx_join" | "heartbeat":
            return [reply]
        case "new_msg":
            return [as_json([None, None, topic, event, payload]), reply]
    return []


def _actioncable(said: bytes) -> list[bytes]:
    asked = json.loads(said)
    identifier = asked["identifier"]
    match asked["command"]:
        case "subscribe":
            return [as_json({"identifier": identifier, "type": "confirm_subscription"})]
        case "message":
            told = {"message": json.loads(asked["data"])["message"]}
            return [as_json({"identifier": identifier, "message": told})]
    return []


def _centrifuge(said: bytes) -> list[bytes]:
    asked = json.loads(said)
    for method in ("connect", "subscribe"):
        if method in asked:
            return [as_json({"id": asked["id"], method: {}})]
    if "publish" in asked:
        channel, data = asked["publish"]["channel"], asked["publish"]["data"]
        pushed = {"push": {"channel": channel, "pub": {"data": data}}}
        return [as_json({"id": asked["id"], "publish": {}}) + b"\n" + as_json(pushed)]
    return []


_XMPP_OPEN = b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='localhost' id='1' version='1.0'/>"
# Those of before and after the login in one, since it does not remember who has logged in.
_XMPP_FEATURES = (
    b"<stream:features xmlns:stream='http://etherx.jabber.org/streams'>"
    b"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>"
    b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"
)


def _xmpp(said: bytes) -> list[bytes]:
    if said.startswith(b"<open"):
        return [_XMPP_OPEN, _XMPP_FEATURES]
    if said.startswith(b"<auth"):
        return [b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"]
    to = re.search(rb" to='([^'/]+)", said)
    if b" id='bind'" in said:
        return [b"<iq type='result' id='bind'><bind><jid>ann@localhost/chatbench-1</jid></bind></iq>"]
    if b" id='ping'" in said:
        return [b"<iq type='result' id='ping' from='localhost'/>"]
    if to is not None and said.startswith(b"<presence"):
        return [b"<presence from='%b/ann-1'><x><item role='participant'/><status code='110'/></x></presence>" % to[1]]
    if to is not None and (body := re.search(rb"<body>.*</body>", said, re.DOTALL)):
        return [b"<message type='groupchat' from='%b/ann-1'>%b</message>" % (to[1], body[0])]
    return []


TONGUES = (
    Tongue("reference", 2, _reference, (b'{"type":"welcome","user":"ann","instance":"node-1"}',)),
    Tongue("plain", 0, _echo),
    Tongue("echo", 0, _echo),
    Tongue("nchan", 0, _echo),
    Tongue(str(Path(__file__).with_name("relay.toml")), 1, _relay),
    Tongue("socketio", 3, _socketio, (b'0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}',)),
    Tongue("stomp", 2, _stomp),
    Tongue("mqtt", 2, _mqtt, is_binary=True),
    Tongue("nats", 3, _nats, (b'INFO {"server_id":"N1","version":"2.9.0","max_payload":1048576}\r\n',), is_binary=True),
    Tongue("phoenix", 1, _phoenix),
    Tongue("actioncable", 2, _actioncable, (b'{"type":"welcome"}',)),
    Tongue("centrifuge", 2, _centrifuge),
    Tongue("xmpp", 5, _xmpp),
)


def tongue(name: str) -> Tongue:
    """The one of a dialect."""
    return next(each for each in TONGUES if each.name == name)
