"""What is spoken over each WebSocket: OpenAPI knows no WebSockets, so `/docs` takes it from here."""

from dataclasses import dataclass
from enum import StrEnum


class By(StrEnum):
    """Who sends a frame."""

    CLIENT = "client"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class SocketFrame:
    """One kind of frame, by an example."""

    by: By
    example: str
    text: str


@dataclass(frozen=True, slots=True)
class SocketClose:
    """Why the server closes; without a reason there is none, or one in many wordings."""

    code: int
    reason: str | None
    text: str


@dataclass(frozen=True, slots=True)
class SocketGuide:
    """One WebSocket endpoint; its closes are those it has beside `common_closes`."""

    path: str
    summary: str
    text: str
    frames: tuple[SocketFrame, ...]
    closes: tuple[SocketClose, ...]

    @property
    def anchor(self) -> str:
        """What links point to."""
        return f"WS{self.path}".replace("/", "-").replace("{", "").replace("}", "")


_UNAUTHORIZED = (
    SocketClose(1008, "Unauthorized: No token provided", "Log in first."),
    SocketClose(1008, "Unauthorized", "The token is forged, expired, or not meant for this server."),
    SocketClose(1008, "Unauthorized: several tokens", "You showed two that differ: show one."),
    SocketClose(1008, "Too many connections", "You have ten already: a user has no more at once."),
)
_TEXT_ONLY = SocketClose(1003, "Text frames only", "A binary frame came.")
_PLAIN = (*_UNAUTHORIZED, SocketClose(1008, "Token expired", "Log in again."), _TEXT_ONLY)


def socket_guides() -> tuple[SocketGuide, ...]:
    """Return every WebSocket endpoint, the most useful first."""
    return (_rooms(), _chat(), _protected(), _sessions(), _echo())


def common_closes() -> tuple[SocketClose, ...]:
    """Return what can end any WebSocket here."""
    return (
        SocketClose(1008, "Forbidden: foreign origin", "A page of another site asked: see `--origins`."),
        SocketClose(
            1008,
            "Too many messages",
            "500 may come at once, and 50 a second from then on. `/ws/rooms` answers what is beyond that with an "
            "`error`, `rate_limited`, and closes after 500 of those; the plain endpoints close at the first.",
        ),
        SocketClose(1009, None, "A frame of more than 64 KiB came."),
        SocketClose(1011, "Internal server error", "A fault of ours."),
        SocketClose(1012, "Server is stopping", "Come back in a moment."),
        SocketClose(
            1013,
            "Reading too slowly",
            "More than 1,024 frames or 1 MiB waited for you. A client that reads nothing at all is cut, and sees 1006.",
        ),
    )


def _rooms() -> SocketGuide:
    return SocketGuide(
        path="/ws/rooms",
        summary="Talk in many rooms over one connection",
        text=(
            "Every frame is a JSON object with a `type`; fields we do not know are ignored. A frame that cannot be "
            "followed is answered with an `error`, and the connection lives. The token's roles say what you may do: a "
            "`guest` reads, a `member` writes, an `admin` rules, too, and sees the rooms whose names begin with "
            "`admin:`."
        ),
        frames=(*_coming_and_going(), *_talking(), *_catching_up(), *_ruling(), *_the_rest()),
        closes=(
            *_UNAUTHORIZED,
            SocketClose(4401, "Token expired", "Log in again."),
            SocketClose(4403, "Removed by an admin", "A `kicked` frame without a room came before it."),
        ),
    )


def _coming_and_going() -> tuple[SocketFrame, ...]:
    return (
        SocketFrame(
            By.SERVER,
            '{"type": "welcome", "user": "user1", "roles": ["member"], "limits": {"frame_bytes": 65536, '
            '"text_length": 57344, "room_name_length": 64, "rooms_per_connection": 100, "history_messages": 100}, '
            '"instance": "alpha"}',
            "The first frame: who you are here, and what you may send.",
        ),
        SocketFrame(
            By.CLIENT,
            '{"type": "join", "room": "tea", "presence": true}',
            "Hear a room. It is made when the first one joins; joining twice is joining once. With `presence`, hear "
            "also who comes and goes; without it you do not, since in a large room that is most of what there is.",
        ),
        SocketFrame(
            By.SERVER,
            '{"type": "joined", "room": "tea", "members": 2, "seq": 17}',
            "You are in. `members` are connections, yours too; `seq` is the number of the latest message.",
        ),
        SocketFrame(
            By.SERVER,
            '{"type": "presence", "room": "tea", "user": "user2", "state": "joined"}',
            "A user came, or went (`left`): with the first connection in the room, and with the last. When the "
            "server stops, nobody is told of the others.",
        ),
        SocketFrame(By.CLIENT, '{"type": "leave", "room": "tea"}', "Hear no more of a room."),
        SocketFrame(
            By.SERVER, '{"type": "left", "room": "tea", "members": 1}', "You are out; `members` are those who stay."
        ),
    )


def _talking() -> tuple[SocketFrame, ...]:
    return (
        SocketFrame(
            By.CLIENT,
            '{"type": "message", "room": "tea", "text": "hello", "id": "m1"}',
            "Say something to a room you are in. With an `id`, a string or a whole number, you get an `ack`.",
        ),
        SocketFrame(
            By.SERVER,
            '{"type": "message", "room": "tea", "seq": 18, "from": "user1", "text": "hello", "ts": 1767225600000}',
            "What everybody in the room gets, the sender too. `seq` counts up by one within the room, so a gap "
            "is a loss; `ts` is Unix time in ms.",
        ),
        SocketFrame(
            By.SERVER,
            '{"type": "ack", "id": "m1", "seq": 18}',
            "Your message is stored, under this number; with `--durability async`, it will be in a moment. The acks "
            "of a connection come in the order of its messages.",
        ),
        SocketFrame(
            By.CLIENT,
            '{"type": "direct", "to": "user2", "text": "psst", "id": "d1"}',
            "Say something to one user, over all connections of `/ws/rooms` that user has.",
        ),
        SocketFrame(
            By.SERVER,
            '{"type": "direct", "from": "user1", "to": "user2", "text": "psst", "ts": 1767225600000}',
            "What that user gets, and your other connections, but not the one that said it. It is not stored: to one "
            "who is away it is an `error`, `not_online`.",
        ),
        SocketFrame(
            By.SERVER,
            '{"type": "ack", "id": "d1"}',
            "Done, for whatever has no number: your direct message was sent on, or what an admin asked for is so.",
        ),
        SocketFrame(By.CLIENT, '{"type": "typing", "room": "tea"}', "Tell the others that you are writing."),
        SocketFrame(
            By.SERVER,
            '{"type": "typing", "room": "tea", "user": "user2"}',
            "Somebody else is. Not sent to a client that is behind with reading.",
        ),
    )


def _catching_up() -> tuple[SocketFrame, ...]:
    return (
        SocketFrame(
            By.CLIENT,
            '{"type": "history", "room": "tea", "after": 15, "limit": 50}',
            "Read what you missed in a room you are in: what came after `after` and before you joined. What came "
            "since then was sent to you, so nothing comes twice. Without `after`, read what was said last.",
        ),
        SocketFrame(
            By.SERVER,
            '{"type": "history", "room": "tea", "messages": [{"seq": 16, "from": "user2", "text": "hello?", '
            '"ts": 1767225590000}], "more": true}',
            "The first of them, or without `after` the last, in the order of `seq`: 100 messages or 256 KiB of text at "
            "most. With `more`, ask again after the last `seq` you have; for what is older, ask "
            "`GET /rooms/{room}/messages`.",
        ),
    )


def _ruling() -> tuple[SocketFrame, ...]:
    return (
        SocketFrame(
            By.CLIENT,
            '{"type": "kick", "user": "user2", "room": "tea", "id": "k1"}',
            "Put a user out of a room; without `room`, off the server. Nothing keeps that user from coming back. "
            "This and the next two are for admins, and answered with an `ack` where they have an `id`.",
        ),
        SocketFrame(
            By.SERVER,
            '{"type": "kicked", "room": "tea", "by": "admin"}',
            "You were put out of a room.",
        ),
        SocketFrame(
            By.SERVER,
            '{"type": "kicked", "by": "admin"}',
            "You were put off the server: this connection is closed with 4403.",
        ),
        SocketFrame(
            By.CLIENT,
            '{"type": "close_room", "room": "tea", "id": "k2"}',
            "Put everybody out of a room. Its history stays, and it opens again when somebody joins.",
        ),
        SocketFrame(By.SERVER, '{"type": "closed", "room": "tea", "by": "admin"}', "A room you were in was closed."),
        SocketFrame(
            By.CLIENT,
            '{"type": "announce", "text": "We restart at noon", "id": "k3"}',
            "Say something to everybody who is connected here.",
        ),
        SocketFrame(
            By.SERVER,
            '{"type": "announcement", "from": "admin", "text": "We restart at noon", "ts": 1767225600000}',
            "An admin has something to say to everybody.",
        ),
    )


def _the_rest() -> tuple[SocketFrame, ...]:
    return (
        SocketFrame(By.CLIENT, '{"type": "ping"}', "Ask whether the server is there."),
        SocketFrame(By.SERVER, '{"type": "pong"}', "It is."),
        SocketFrame(
            By.SERVER,
            '{"type": "error", "code": "not_joined", "detail": "join \'tea\' first", "id": "m1"}',
            "A frame of yours was refused: `code` is for programs, `detail` for people, `id` that of the frame, "
            "if it had one.",
        ),
    )


def _chat() -> SocketGuide:
    return SocketGuide(
        path="/ws/chat",
        summary="Talk in the one room where everybody is",
        text="Plain text, and a token is needed. Everybody hears everything, the sender too.",
        frames=(
            SocketFrame(By.SERVER, "user1 joined the chat!", "Somebody came, perhaps you."),
            SocketFrame(By.CLIENT, "hello", "Say something."),
            SocketFrame(By.SERVER, "user1: hello", "Somebody said something."),
            SocketFrame(By.SERVER, "user1 left the chat!", "Somebody went."),
        ),
        closes=(*_PLAIN, SocketClose(1008, "Guests only read", "You said something as a guest.")),
    )


def _protected() -> SocketGuide:
    return SocketGuide(
        path="/ws/protected",
        summary="Be known by name",
        text="The smallest endpoint that wants a login: plain text.",
        frames=(
            SocketFrame(By.SERVER, "Hello user1, you are authenticated!", "The first frame."),
            SocketFrame(By.CLIENT, "hello", "Say something."),
            SocketFrame(By.SERVER, "user1 says: hello", "What you said."),
        ),
        closes=_PLAIN,
    )


def _sessions() -> SocketGuide:
    return SocketGuide(
        path="/ws/{session_id}",
        summary="Come back to a session",
        text=(
            "Plain text, no login: whoever knows the id of `POST /create-session` may connect. One connection at a "
            "time: a second one takes the session over, because the first is most often dead without our knowing."
        ),
        frames=(
            SocketFrame(By.CLIENT, "hello", "Say something."),
            SocketFrame(By.SERVER, "Session 3q2-7wEjT0uYkz4pXc1vAg: hello", "What you said, under the session's id."),
        ),
        closes=(
            SocketClose(
                1008, "Unknown session: POST /create-session first", "There is none of that id, or it waited too long."
            ),
            SocketClose(1008, "Session taken over by another connection", "You, or somebody who knows the id."),
            _TEXT_ONLY,
        ),
    )


def _echo() -> SocketGuide:
    return SocketGuide(
        path="/ws",
        summary="Hear an echo",
        text="Plain text, no login: to see whether WebSockets get through.",
        frames=(
            SocketFrame(By.CLIENT, "hello", "Say something."),
            SocketFrame(By.SERVER, "Message text was: hello", "What you said."),
        ),
        closes=(_TEXT_ONLY,),
    )
