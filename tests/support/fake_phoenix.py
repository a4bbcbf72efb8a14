"""A server of Phoenix Channels, version 2 of its JSON: https://hexdocs.pm/phoenix/writing_a_channels_client.html."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from tests.support.fake_chat import Client, FakeChat

TOPIC = "room:"
"""What the topics of its one channel begin with."""


class FakePhoenix(FakeChat):
    """Channel ``room:*``, which broadcasts ``new_msg`` to all, and replies to it."""

    PATH = "/socket/websocket"

    def __init__(self, *, repeats_payload: bool = False, **options: Any) -> None:
        """``repeats_payload``: the reply to a message holds the message."""
        super().__init__(**options)
        self.repeats_payload = repeats_payload

    def refusal(self, headers: dict[str, str], query: dict[str, str]) -> HTTPStatus | None:
        return None if query.get("vsn") == "2.0.0" else HTTPStatus.FORBIDDEN

    async def beat(self) -> None:
        """Its 60 seconds have passed: whoever was silent is cut off."""
        for client in list(self.clients):
            if not client.has_spoken:
                await self.hang_up(client, 1000)
            client.has_spoken = False

    async def heard(self, client: Client, frame: str) -> None:
        join_ref, ref, topic, event, payload = json.loads(frame)
        room = topic.removeprefix(TOPIC)
        match event:
            case "heartbeat" if topic == "phoenix":
                self._reply(client, None, ref, topic)
            case "phx_join" if topic.startswith(TOPIC):
                self._join(client, join_ref, ref, room)
            case _ if room not in client.rooms:
                self._reply(client, None, ref, topic, "error", {"reason": "unmatched topic"})
            case "phx_leave" if client.rooms[room] == join_ref:
                del client.rooms[room]
                self.left.append(room)
                self._reply(client, join_ref, ref, topic)
                self.tell(client, [join_ref, join_ref, topic, "phx_close", {}])
            case "new_msg" if room in self.read_only_rooms:
                self._reply(client, join_ref, ref, topic, "error", {"reason": "read only"})
            case "new_msg":
                for member in self.members_of(room):
                    self.tell(member, [None, None, topic, event, payload])
                self._reply(client, join_ref, ref, topic, "ok", payload if self.repeats_payload else {})
            case _:  # no clause of the channel takes it, which ends the channel
                client.rooms.pop(room)
                self.tell(client, [join_ref, join_ref, topic, "phx_error", {}])

    def _join(self, client: Client, join_ref: str, ref: str, room: str) -> None:
        if room in self.closed_rooms:
            self._reply(client, join_ref, ref, TOPIC + room, "error", {"reason": "unauthorized"})
        else:
            client.rooms[room] = join_ref
            self._reply(client, join_ref, ref, TOPIC + room)

    def _reply(
        self,
        client: Client,
        join_ref: str | None,
        ref: str,
        topic: str,
        status: str = "ok",
        response: dict[str, Any] | None = None,
    ) -> None:
        # Elixir writes the keys of a small map in their order.
        self.tell(client, [join_ref, ref, topic, "phx_reply", {"response": response or {}, "status": status}])
