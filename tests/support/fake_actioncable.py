"""A server of ActionCable, actioncable-v1-json: https://docs.anycable.io/misc/action_cable_protocol."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from tests.support.fake_chat import Client, FakeChat

# What Rails allows while an application is being developed.
_ALLOWED_ORIGIN = re.compile(r"https?://localhost:\d+")


class FakeActionCable(FakeChat):
    """``ChatChannel``, a stream for each ``room``, whose action ``speak`` broadcasts ``message``."""

    PATH = "/cable"
    SUBPROTOCOLS = ("actioncable-v1-json",)

    def __init__(self, *, lets_in: bool = True, **options: Any) -> None:
        """``lets_in``: whether the application's connection takes anybody."""
        super().__init__(**options)
        self.lets_in = lets_in
        self._beat_count = 0

    def refusal(self, headers: dict[str, str], query: dict[str, str]) -> HTTPStatus | None:
        return None if _ALLOWED_ORIGIN.fullmatch(headers.get("origin", "")) else HTTPStatus.NOT_FOUND

    async def greet(self, client: Client) -> None:
        client.is_let_in = self.lets_in
        if self.lets_in:
            self.tell(client, {"type": "welcome"})
        else:
            self.tell(client, {"type": "disconnect", "reason": "unauthorized", "reconnect": False})
            await self.hang_up(client, 1000)

    async def beat(self) -> None:
        """Its 3 seconds have passed: everybody is pinged, and nobody has to answer."""
        self._beat_count += 1
        with self.holding():
            for client in self.clients:
                if client.is_let_in:
                    self.tell(client, {"type": "ping", "message": self._beat_count})

    async def heard(self, client: Client, frame: str) -> None:
        command = json.loads(frame)
        identifier = command["identifier"]
        room = json.loads(identifier)["room"]
        match command["command"]:
            case "subscribe" if room in self.closed_rooms:
                self.tell(client, {"identifier": identifier, "type": "reject_subscription"})
            case "subscribe":
                client.rooms[room] = identifier
                self.tell(client, {"identifier": identifier, "type": "confirm_subscription"})
            case "unsubscribe":
                del client.rooms[room]
                self.left.append(room)
            case "message" if room in client.rooms:
                data = json.loads(command["data"])
                if data.pop("action") == "speak":
                    for member in self.members_of(room):
                        self.tell(member, {"identifier": member.rooms[room], "message": data})
