"""Who is in which room."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from loadgen.plan.pacing import Drawn, Stream

Int64s = npt.NDArray[np.int64]


class RoomShape(StrEnum):
    """How users are spread over rooms."""

    SINGLE = "single"
    UNIFORM = "uniform"
    ZIPF = "zipf"
    LOGNORMAL = "lognormal"
    OWN = "own"


MOST_LAYERS = 16
"""Rooms of one user: more than that many are told apart by nothing in a marker."""

# More rooms than there are users: each user has one alone.
_A_ROOM_EACH = 1 << 30


@dataclass(frozen=True, slots=True)
class Layer:
    """Rooms of which each user is in one."""

    count: int
    table: array[int] | None = None
    """The room of each user, of those numbered beyond it from the start again; None: the sizes of two rooms differ by
    one at most."""
    weight: float = 1.0
    """How much of what users do in rooms they do in these, beside the weights of the other layers."""

    @classmethod
    def own(cls, weight: float = 1.0) -> Layer:
        """A room for each user alone."""
        return cls(_A_ROOM_EACH, weight=weight)

    def room_of(self, user: int) -> int:
        """The room of a user (both from 0)."""
        return user % self.count if self.table is None else self.table[user % len(self.table)]

    def member_counts(self, user_count: int) -> set[int]:
        """How many of the first ``user_count`` users are in a room of its; of rooms with as many it is said once."""
        if self.table is None:
            counts = {user_count // self.count, -(-user_count // self.count)}
        else:
            counts = set(np.unique(np.bincount(np.resize(np.array(self.table), user_count))).tolist())
        return counts - {0}

    def crosses(self, share_count: int) -> bool:
        """Whether a room may have users of several of so many shares."""
        return self.count != _A_ROOM_EACH and (self.table is not None or self.count % share_count != 0)


@dataclass(frozen=True, slots=True)
class Rooms:
    """All rooms: each user is in one of each layer. They are numbered through, from the first layer on."""

    layers: tuple[Layer, ...]

    @classmethod
    def alike(cls, count: int) -> Rooms:
        """One room a user, all of equal size."""
        return cls((Layer(count),))

    @property
    def count(self) -> int:
        """How many rooms there can be."""
        return sum(layer.count for layer in self.layers)

    def room_of(self, user: int, layer: int = 0) -> int:
        """The room that a user has in a layer."""
        room = self.layers[layer].room_of(user)
        return room + sum(each.count for each in self.layers[:layer]) if layer else room

    def rooms_of(self, user: int) -> tuple[int, ...]:
        """All rooms of a user, layer by layer."""
        return tuple(self.room_of(user, layer) for layer in range(len(self.layers)))

    def members(self, user_count: int) -> RoomLists:
        """Of the first ``user_count`` users: who is in each room."""
        return RoomLists(self, user_count)

    def cross(self, share_count: int) -> bool:
        """Whether some room may have users of several of so many shares."""
        return any(layer.crosses(share_count) for layer in self.layers)


class RoomLists:
    """Finds the members of a room without looking at everybody each time."""

    def __init__(self, rooms: Rooms, user_count: int) -> None:
        self._layers = [_LayerLists(layer, user_count) for layer in rooms.layers]
        self._first_rooms = list(accumulate((layer.count for layer in rooms.layers), initial=0))[:-1]

    def of(self, room: int) -> Int64s:
        """Its members, rising. Not to be written to."""
        layer = bisect_right(self._first_rooms, room) - 1
        return self._layers[layer].of(room - self._first_rooms[layer])


class _LayerLists:
    def __init__(self, layer: Layer, user_count: int) -> None:
        self._layer = layer
        self._user_count = user_count
        self._in_order: Int64s | None = None  # users, room by room
        self._bounds: Int64s | None = None

    def of(self, room: int) -> Int64s:
        if self._layer.table is None:
            return np.arange(room, self._user_count, self._layer.count, dtype=np.int64)
        if self._in_order is None or self._bounds is None:
            rooms = np.resize(np.array(self._layer.table, dtype=np.int32), self._user_count)
            self._in_order = np.argsort(rooms, kind="stable").astype(np.int64)
            self._bounds = np.searchsorted(rooms[self._in_order], np.arange(self._layer.count + 1)).astype(np.int64)
        return self._in_order[self._bounds[room] : self._bounds[room + 1]]


@dataclass(slots=True)
class LayerChoice:
    """In which of their rooms users do what they do: settled by the seed."""

    seed: int
    rooms: Rooms
    _bounds: Sequence[float] = field(init=False)
    _drawn: Drawn = field(init=False)

    def __post_init__(self) -> None:
        total = sum(layer.weight for layer in self.rooms.layers)
        self._bounds = [bound / total for bound in accumulate(layer.weight for layer in self.rooms.layers)][:-1]
        self._drawn = Drawn(self.seed, Stream.LAYERS)

    def layer_of(self, n: int) -> int:
        """The layer for act ``n`` (from 0), each as likely as its weight says."""
        if not self._bounds:
            return 0
        return bisect_right(self._bounds, self._drawn.of(n))


@cache
def room_name(room: int) -> str:
    """What the server is told; safe in a URL, in JSON and in XML."""
    return f"room-{room + 1}"
