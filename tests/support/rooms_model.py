"""What the rooms protocol promises, as a model without sockets, stores and nodes: who gets which frames.

Frames are as the protocol has them, without `ts`.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from target_app.roles import ADMIN_ROOMS

Frame = dict[str, Any]
# One connection; a user may have several.
Device = int


@dataclass(slots=True)
class ModelRoom:
    """Everything that was ever said, in its order, and who is there."""

    name: str
    said: list[Frame] = field(default_factory=list)
    # With the room's last number when each came.
    members: dict[Device, int] = field(default_factory=dict)
    watchers: set[Device] = field(default_factory=set)


@dataclass(slots=True)
class RoomsModel:
    """Everybody's rooms; what each device should have been sent since `take`."""

    users: dict[Device, str] = field(default_factory=dict)
    roles: dict[Device, str] = field(default_factory=dict)
    rooms: dict[str, ModelRoom] = field(default_factory=dict)
    due: dict[Device, list[Frame]] = field(default_factory=lambda: defaultdict(list))

    def take(self, device: Device) -> list[Frame]:
        """Return what this one should have been sent by now, once."""
        return self.due.pop(device, [])

    def room(self, name: str) -> ModelRoom:
        return self.rooms.setdefault(name, ModelRoom(name))

    def devices_of(self, user: str) -> list[Device]:
        return [device for device, of in self.users.items() if of == user]

    def users_in(self, name: str) -> set[str]:
        return {self.users[device] for device in self.room(name).members}

    def arrive(self, device: Device, user: str, role: str) -> None:
        self.users[device], self.roles[device] = user, role

    def depart(self, device: Device) -> None:
        for room in self.rooms.values():
            if device in room.members:
                self._put_out(room, device)
        del self.users[device], self.roles[device]
        self.due.pop(device, None)

    def join(self, device: Device, name: str, *, presence: bool) -> None:
        if name.startswith(ADMIN_ROOMS) and self.roles[device] != "admin":
            self._refuse(device, "forbidden")
            return
        room, user = self.room(name), self.users[device]
        if user not in self.users_in(name):
            self._tell(room.watchers, type="presence", room=name, user=user, state="joined")
        room.members.setdefault(device, len(room.said))
        (room.watchers.add if presence else room.watchers.discard)(device)
        self._tell([device], type="joined", room=name, members=len(room.members), seq=len(room.said))

    def leave(self, device: Device, name: str) -> None:
        room = self.room(name)
        if device not in room.members:
            self._refuse(device, "not_joined")
            return
        self._put_out(room, device)
        self._tell([device], type="left", room=name, members=len(room.members))

    def may_say(self, device: Device, name: str, message_id: object) -> bool:
        """Whether this will be heard; it is refused otherwise."""
        if self.roles[device] == "guest":
            self._refuse(device, "forbidden", message_id)
        elif device not in self.room(name).members:
            self._refuse(device, "not_joined", message_id)
        else:
            return True
        return False

    def say(self, device: Device, name: str, text: str, message_id: object) -> None:
        if not self.may_say(device, name, message_id):
            return
        room = self.room(name)
        seq = len(room.said) + 1
        room.said.append({"seq": seq, "from": self.users[device], "text": text})
        self._tell(room.members, type="message", room=name, **room.said[-1])
        self._ack(device, message_id, seq=seq)

    def direct(self, device: Device, to: str, text: str, message_id: object) -> None:
        theirs, user = self.devices_of(to), self.users[device]
        if self.roles[device] == "guest":
            self._refuse(device, "forbidden", message_id)
        elif not theirs:
            self._refuse(device, "not_online", message_id)
        else:
            own = [each for each in self.devices_of(user) if each != device]
            self._tell({*theirs, *own}, type="direct", **{"from": user}, to=to, text=text)
            self._ack(device, message_id)

    def typing(self, device: Device, name: str) -> None:
        members = self.room(name).members
        if self.roles[device] == "guest":
            self._refuse(device, "forbidden")
        elif device not in members:
            self._refuse(device, "not_joined")
        else:
            others = [each for each in members if each != device]
            self._tell(others, type="typing", room=name, user=self.users[device])

    def history(self, device: Device, name: str, after: int | None, limit: int) -> None:
        room = self.room(name)
        if device not in room.members:
            self._refuse(device, "not_joined")
            return
        if after is None:
            part, more = room.said[-limit:], len(room.said) > limit
        else:
            missed = room.said[after : room.members[device]]
            part, more = missed[:limit], len(missed) > limit
        self._tell([device], type="history", room=name, messages=part, more=more)

    def kick(self, device: Device, user: str, name: str | None, message_id: object) -> list[Device]:
        """Return whom it puts off the server; they depart when they notice."""
        theirs = [each for each in self.devices_of(user) if name is None or each in self.room(name).members]
        if not self._may_rule(device, message_id, bool(theirs)):
            return []
        given_room = {} if name is None else {"room": name}
        self._tell(theirs, type="kicked", **given_room, by=self.users[device])
        if name is None:
            # Who is put off hears nothing more.
            if device not in theirs:
                self._ack(device, message_id)
            return theirs
        for each in theirs:
            self._put_out(self.room(name), each)
        self._ack(device, message_id)
        return []

    def close_room(self, device: Device, name: str, message_id: object) -> None:
        room = self.room(name)
        if self._may_rule(device, message_id, bool(room.members)):
            self._tell(room.members, type="closed", room=name, by=self.users[device])
            room.members.clear()
            room.watchers.clear()
            self._ack(device, message_id)

    def announce(self, device: Device, text: str, message_id: object) -> None:
        if self._may_rule(device, message_id, True):
            self._tell(self.users, type="announcement", **{"from": self.users[device]}, text=text)
            self._ack(device, message_id)

    def _may_rule(self, device: Device, message_id: object, concerns_somebody: bool) -> bool:
        if self.roles[device] != "admin":
            self._refuse(device, "forbidden", message_id)
        elif not concerns_somebody:
            self._refuse(device, "not_online", message_id)
        return self.roles[device] == "admin" and concerns_somebody

    def _put_out(self, room: ModelRoom, device: Device) -> None:
        del room.members[device]
        room.watchers.discard(device)
        user = self.users[device]
        if user not in self.users_in(room.name):
            self._tell(room.watchers, type="presence", room=room.name, user=user, state="left")

    def _ack(self, device: Device, message_id: object, **fields: object) -> None:
        if message_id is not None:
            self._tell([device], type="ack", id=message_id, **fields)

    def _refuse(self, device: Device, code: str, message_id: object = None) -> None:
        given_id = {} if message_id is None else {"id": message_id}
        self._tell([device], type="error", code=code, **given_id)

    def _tell(self, devices: Iterator[Device] | Any, **frame: object) -> None:
        for device in list(devices):
            self.due[device].append(frame)
