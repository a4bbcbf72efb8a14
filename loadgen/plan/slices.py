"""Slices: named parts of a run that are measured by themselves, and which of them a message belongs to.

A slice is written ``KIND: NAME``, as ``room: large`` or ``stage: 2``. Messages of the same slices lie in one *cell*.
Cells are numbered by what the plan says alone, so all processes mean the same by a number.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from loadgen.plan.rooms import Layer, Rooms


class SliceKind(StrEnum):
    """What a run is cut by."""

    ROOM = "room"
    STAGE = "stage"
    INCIDENT = "incident"
    NODE = "node"
    PHASE = "phase"

    def named(self, name: object) -> str:
        """The slice of this kind with that name."""
        return f"{self}: {name}"

    def names_in(self, slices: Iterable[str]) -> tuple[str, ...]:
        """The names of those among some slices that are of this kind."""
        return tuple(each.partition(": ")[2] for each in slices if kind_of(each) is self)


def kind_of(name: str) -> SliceKind | None:
    """What kind of slice one is; None of a kind that this version does not know."""
    kind = name.partition(": ")[0]
    return SliceKind(kind) if kind in set(SliceKind) else None


class RoomClass(StrEnum):
    """Rooms of about one size; and messages to one user, which have none."""

    PAIR = "pair"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"
    HUGE = "huge"
    DIRECT = "direct"


MOST_MEMBERS = {RoomClass.PAIR: 2, RoomClass.SMALL: 10, RoomClass.MEDIUM: 100, RoomClass.LARGE: 1000}
"""The largest room of each class; above them all it is huge."""

NO_INCIDENT = SliceKind.INCIDENT.named("none")

SAME_NODE, OTHER_NODE = SliceKind.NODE.named("same"), SliceKind.NODE.named("other")
"""Deliveries whose sender and receiver are connected to one node of the server, and those that go to another one."""


def room_class_of(member_count: int) -> RoomClass:
    """The class of a room with so many members by plan, whether they are there or not."""
    return next((each for each, most in MOST_MEMBERS.items() if member_count <= most), RoomClass.HUGE)


def room_classes_of(layers: Iterable[Layer], user_count: int) -> set[RoomClass]:
    """The classes of all rooms of some layers."""
    return {room_class_of(count) for layer in layers for count in layer.member_counts(user_count)}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A slice of time: what is due in [``from_ns``, ``until_ns``) of the measured window; None: until its end."""

    name: str
    from_ns: int
    until_ns: int | None

    def holds(self, after_ns: int) -> bool:
        """Whether what is due so long after the start of the window is in it."""
        return self.from_ns <= after_ns and (self.until_ns is None or after_ns < self.until_ns)


@dataclass(frozen=True, slots=True)
class Slicing:
    """How the messages of a plan are told apart."""

    rooms: Rooms
    user_count: int
    """By plan: how many members a room has follows from it."""
    room_classes: tuple[RoomClass, ...]
    """Those that something can be said in, in order."""
    stretches: tuple[Stretch, ...]
    nodes: bool = False
    """Whether deliveries within a node of the server are told from those to another one. That is no part of a message,
    and has no cells."""

    @property
    def tells_apart(self) -> bool:
        """Whether there are messages to tell apart."""
        return len(self.room_classes) > 1 or bool(self.stretches)

    @property
    def names(self) -> tuple[str, ...]:
        """All slices that are told apart, in order: rooms by size, then stages and incidents, then nodes."""
        rooms = [SliceKind.ROOM.named(each) for each in self.rooms_told_apart]
        over_time = [stretch.name for stretch in self.stretches]
        if any(NO_INCIDENT in names for names in self.names_over_time()):
            over_time.append(NO_INCIDENT)
        return (*rooms, *over_time, *((SAME_NODE, OTHER_NODE) if self.nodes else ()))

    @property
    def whole(self) -> str | None:
        """A slice that all messages are in, and that is not told apart therefore; None where there is none."""
        return SliceKind.ROOM.named(self.room_classes[0]) if len(self.room_classes) == 1 else None

    @property
    def rooms_told_apart(self) -> tuple[RoomClass, ...]:
        """The classes of rooms, where there are several."""
        return self.room_classes if len(self.room_classes) > 1 else ()

    def bounds_ns(self) -> list[int]:
        """Where a slice of time begins or ends, rising, without the start of the window."""
        ends = (end for each in self.stretches for end in (each.from_ns, each.until_ns))
        return sorted({end for end in ends if end})

    def names_over_time(self) -> list[tuple[str, ...]]:
        """The slices of time that hold between one bound and the next, from the start of the window on."""
        found = []
        for start_ns in (0, *self.bounds_ns()):
            names = tuple(each.name for each in self.stretches if each.holds(start_ns))
            has_incidents = bool(SliceKind.INCIDENT.names_in(each.name for each in self.stretches))
            calm = has_incidents and not SliceKind.INCIDENT.names_in(names)
            found.append((*names, NO_INCIDENT) if calm else names)
        return found

    def length_ns(self, name: str, window_ns: int) -> int:
        """How much of a measured window so long is in a slice."""
        if kind_of(name) in (SliceKind.ROOM, SliceKind.NODE):
            return window_ns
        ends = [min(bound, window_ns) for bound in (0, *self.bounds_ns())] + [window_ns]
        parts = zip(pairwise(ends), self.names_over_time(), strict=True)
        return sum(end - start for (start, end), names in parts if name in names)


UNSLICED = Slicing(Rooms(()), 0, (), ())
"""Nothing is told apart."""


class Cells:
    """Finds the cell of a message, and the slices of a cell."""

    def __init__(self, slicing: Slicing) -> None:
        self._members = slicing.rooms.members(slicing.user_count)
        self._bounds_ns = slicing.bounds_ns()
        over_time, classes = slicing.names_over_time(), slicing.rooms_told_apart
        self._stride = len(over_time)
        # After them all comes a place for rooms in which nothing is said by plan.
        self._places = {each: place for place, each in enumerate(classes)}
        self._place_of_room: dict[int, int] = {}
        in_room = [(SliceKind.ROOM.named(each),) for each in classes]
        self._slices = [(*room, *names) for room in (*in_room, ()) for names in over_time]

    def of(self, room: int | None, after_ns: int) -> int:
        """That of a message to a room, or (None) to one user, due so long after the start of the measured window."""
        place = self._place(room) if self._places else 0
        return place * self._stride + bisect_right(self._bounds_ns, after_ns)

    def slices(self, cell: int) -> tuple[str, ...]:
        """The slices of a cell; none of one that no message of ours has, whatever another host says."""
        return self._slices[cell] if 0 <= cell < len(self._slices) else ()

    def _place(self, room: int | None) -> int:
        nowhere = len(self._places)
        if room is None:
            return self._places.get(RoomClass.DIRECT, nowhere)
        place = self._place_of_room.get(room)
        if place is None:
            found = room_class_of(len(self._members.of(room)))
            place = self._place_of_room[room] = self._places.get(found, nowhere)
        return place
