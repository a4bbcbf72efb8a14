"""A client of the rooms protocol, step by step, with whatever roles a test wants its token to have."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import jwt
from websockets.sync.client import ClientConnection

from target_app.roles import Role
from target_app.tokens import ALGORITHM, AUDIENCE, ISSUER
from tests.support.server_process import SECRET, ServerProcess, asked, close_of, heard

LIFETIME_S = 600

Frame = dict[str, Any]


def token_for(user: str, *roles: str) -> str:
    """Return a token that the server of a test believes; of a member where no role is named."""
    now_s = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user,
        "iat": now_s,
        "exp": now_s + LIFETIME_S,
        "jti": "1",
        "roles": list(roles) or [Role.MEMBER],
    }
    return jwt.encode(claims, SECRET, algorithm=ALGORITHM)


@dataclass(frozen=True, slots=True)
class RoomsClient:
    """One connection that was welcomed."""

    connection: ClientConnection

    def send(self, **fields: object) -> None:
        """Send a frame."""
        self.connection.send(json.dumps(fields))

    def ask(self, **fields: object) -> Frame:
        """Send a frame; the next one that comes."""
        return asked(self.connection, **fields)

    def hear(self) -> Frame:
        """Return the next frame."""
        return heard(self.connection)

    def hear_all(self) -> list[Frame]:
        """Return whatever the server sent before now."""
        self.send(type="ping")
        frames = []
        while (frame := self.hear())["type"] != "pong":
            frames.append(frame)
        return frames

    def join(self, room: str, **fields: object) -> "RoomsClient":
        """Join a room."""
        answer = self.ask(type="join", room=room, **fields)
        assert answer["type"] == "joined", answer
        return self

    def say(self, room: str, *texts: str) -> list[int]:
        """Say something to a room that this client is in, and wait for the acks; the numbers."""
        for number, text in enumerate(texts):
            self.send(type="message", room=room, text=text, id=number)
        seqs: list[int] = []
        while len(seqs) < len(texts):
            frame = self.hear()
            assert frame["type"] in ("message", "ack"), frame
            if frame["type"] == "ack":
                assert frame["id"] == len(seqs), "the acks come in the order of the messages"
                seqs.append(frame["seq"])
        return seqs

    def close_code(self) -> tuple[int, str]:
        """Read until the server closes; its code and reason."""
        return close_of(self.connection)

    def leave(self) -> None:
        """Close the connection."""
        self.connection.close()


class Visitors:
    """Lets clients in, and out at the end."""

    def __init__(self, server: ServerProcess, open_connections: ExitStack) -> None:
        self.server = server
        self._open_connections = open_connections

    def arrive(self, user: str, *roles: str, **options: Any) -> RoomsClient:
        """Connect with a token of these roles."""
        opening = self.server.connect(f"/ws/rooms?token={token_for(user, *roles)}", **options)
        client = RoomsClient(self._open_connections.enter_context(opening))
        assert client.hear()["type"] == "welcome"
        return client


@contextmanager
def visitors(server: ServerProcess) -> Iterator[Visitors]:
    """Enter to let clients in."""
    with ExitStack() as open_connections:
        yield Visitors(server, open_connections)
