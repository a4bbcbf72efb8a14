"""A server of Centrifuge's JSON protocol: https://centrifugal.dev/docs/transports/client_protocol."""

from __future__ import annotations

import json
from typing import Any

import jwt

from tests.support.fake_chat import Client, FakeChat

_PERMISSION_DENIED = {"code": 103, "message": "permission denied"}
_UNKNOWN = {"code": 104, "message": "method not found"}


class FakeCentrifuge(FakeChat):
    """Channels that any client may subscribe and publish to."""

    PATH = "/connection/websocket"
    SEPARATOR = "\n"

    def __init__(self, *, secret: str | None = None, **options: Any) -> None:
        """``secret``: what tokens are signed with; None: it takes clients without one."""
        super().__init__(**options)
        self.secret = secret
        self.unanswered: list[Client] = []
        """Who has been pinged, and has not answered."""

    async def greet(self, client: Client) -> None:
        pass  # it is the client's turn

    async def beat(self) -> None:
        """Its ping interval has passed: whoever has not answered the last ping is cut off, all others are pinged."""
        for client in self.unanswered:
            if client in self.clients:
                await self.hang_up(client, 3012, "no pong")
        self.unanswered = [client for client in self.clients if client.is_let_in]
        with self.holding():
            for client in self.unanswered:
                self.tell(client, {})

    async def heard(self, client: Client, frame: str) -> None:
        for line in frame.split("\n"):
            if line:
                await self._told(client, json.loads(line))

    async def _told(self, client: Client, command: dict[str, Any]) -> None:
        if not command:
            if client in self.unanswered:
                self.unanswered.remove(client)
            return
        number = command.pop("id")
        ((method, asked),) = command.items()
        if client.is_let_in is (method == "connect"):
            await self.hang_up(client, 3501, "bad request")
        elif method == "connect" and not self._knows(asked.get("token", "")):
            await self.hang_up(client, 3500, "invalid token")
        else:
            self.tell(client, {"id": number} | self._answer(client, method, asked))

    def _knows(self, token: str) -> bool:
        if self.secret is None:
            return True
        try:
            jwt.decode(token, self.secret, ["HS256"])
        except jwt.PyJWTError:
            return False
        return True

    def _answer(self, client: Client, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        channel = asked.get("channel", "")
        match method:
            case "connect":
                client.is_let_in = True
                return {"connect": {"client": "c0ffee", "version": "fake", "ping": 25, "pong": True}}
            case "subscribe" if channel in self.closed_rooms:
                return {"error": _PERMISSION_DENIED}
            case "subscribe":
                client.rooms[channel] = channel
            case "unsubscribe":
                client.rooms.pop(channel, None)
                self.left.append(channel)
            case "publish" if channel in self.read_only_rooms:
                return {"error": _PERMISSION_DENIED}
            case "publish":
                for member in self.members_of(channel):
                    self.tell(member, {"push": {"channel": channel, "pub": {"data": asked["data"]}}})
            case _:
                return {"error": _UNKNOWN}
        return {method: {}}
