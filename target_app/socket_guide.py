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
)
_TEXT_ONLY = SocketClose(1003, "Text frames only", "A binary frame came.")
_PLAIN = (*_UNAUTHORIZED, SocketClose(1008, "Token expired", "Log in again."), _TEXT_ONLY)


def socket_guides() -> tuple[SocketGuide, ...]:
    """Return every WebSocket endpoint, the most useful first."""
    return (_rooms(), _chat(), _protected(), _sessions(), _echo())


def common_closes() -> tuple[SocketClose, ...]:
    """Return what can end any WebSocket here."""
    return (
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
            "followed is answered with an `error`, and the connection lives. The token comes as `?token=`, as "
            "`Authorization: Bearer`, or as the subprotocol `bearer.TOKEN`."
        ),
        frames=(
            SocketFrame(
                By.SERVER,
                '{"type": "welcome", "user": "user1", "roles": ["member"], "limits": {"frame_bytes": 65536, '
                '"text_length": 57344, "room_name_length": 64, "rooms_per_connection": 100}, "instance": "alpha"}',
                "The first frame: who you are here, and what you may send.",
            ),
            SocketFrame(
                By.CLIENT,
                '{"type": "join", "room": "tea"}',
                "Hear a room. It is made when the first one joins; joining twice is joining once.",
            ),
            SocketFrame(
                By.SERVER,
                '{"type": "joined", "room": "tea", "members": 2}',
                "You are in; `members` counts you.",
            ),
            SocketFrame(
                By.CLIENT,
                '{"type": "message", "room": "tea", "text": "hello", "id": "m1"}',
                "Say something to a room you are in. With an `id`, a string or a whole number, you get an `ack`.",
            ),
            SocketFrame(
                By.SERVER,
                '{"type": "message", "room": "tea", "seq": 1, "from": "user1", "text": "hello", "ts": 1767225600000}',
                "What everybody in the room gets, the sender too. `seq` counts up by one within the room, so a gap "
                "is a loss; `ts` is Unix time in ms.",
            ),
            SocketFrame(
                By.SERVER,
                '{"type": "ack", "id": "m1", "seq": 1}',
                "Your message was taken, under this number.",
            ),
            SocketFrame(By.CLIENT, '{"type": "leave", "room": "tea"}', "Hear no more of a room."),
            SocketFrame(
                By.SERVER, '{"type": "left", "room": "tea", "members": 1}', "You are out; `members` are those who stay."
            ),
            SocketFrame(By.CLIENT, '{"type": "ping"}', "Ask whether the server is there."),
            SocketFrame(By.SERVER, '{"type": "pong"}', "It is."),
            SocketFrame(
                By.SERVER,
                '{"type": "error", "code": "not_joined", "detail": "join \'tea\' first", "id": "m1"}',
                "A frame of yours was refused: `code` is for programs, `detail` for people, `id` that of the frame, "
                "if it had one.",
            ),
        ),
        closes=(*_UNAUTHORIZED, SocketClose(4401, "Token expired", "Log in again.")),
    )


def _chat() -> SocketGuide:
    return SocketGuide(
        path="/ws/chat",
        summary="Talk in the one room where everybody is",
        text="Plain text, with a token as `?token=`. Everybody hears everything, the sender too.",
        frames=(
            SocketFrame(By.SERVER, "user1 joined the chat!", "Somebody came, perhaps you."),
            SocketFrame(By.CLIENT, "hello", "Say something."),
            SocketFrame(By.SERVER, "user1: hello", "Somebody said something."),
            SocketFrame(By.SERVER, "user1 left the chat!", "Somebody went."),
        ),
        closes=_PLAIN,
    )


def _protected() -> SocketGuide:
    return SocketGuide(
        path="/ws/protected",
        summary="Be known by name",
        text="The smallest endpoint that wants a login: plain text, with a token as `?token=`.",
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
