"""What the ledger holds a server to, and how it reads what the markers of a run say. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loadgen.dialects.script import Reach
from loadgen.measure import marker
from loadgen.measure.clocks import Clock
from loadgen.measure.marker import Stamp
from loadgen.measure.nodes import Layout
from loadgen.plan.plan import WHOLE, Share
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import UNSLICED, Slicing


@dataclass(frozen=True, slots=True)
class Rules:
    """Users and rooms are counted from 0."""

    user_count: int
    """Of the whole plan."""
    rooms: Rooms
    reach: Reach
    echo: bool
    """Whether the sender gets a message of its own (where it reaches the room)."""
    deadline_ns: int
    """A delivery later than this after it was sent is late."""
    has_room_sequence: bool = False
    """Whether acknowledgements tell the number of a message in its room, by which everybody must get it."""
    share: Share = WHOLE
    """The users whose books these are."""
    has_direct: bool = False
    """Whether some messages go to one user."""
    direct_echo: bool = False
    """Whether the sender gets such a message, too."""
    other_clocks: Mapping[int, Clock] = field(default_factory=dict)
    """Index of a share -> its clock, where that is not ours: what it sends is counted, and not timed."""
    catches_up: bool = False
    """Whether who comes back asks for what it has missed, of which the server acknowledges what it keeps."""
    reads_at_will: bool = False
    """Whether users read the history at other times, too, and so see again what they have."""
    slicing: Slicing = UNSLICED
    """Which messages are measured by themselves as well."""
    nodes: Layout | None = None
    """Of the server, where it has several; None: deliveries are not told apart by them."""

    @property
    def crosses_processes(self) -> bool:
        """Whether a message may have receivers in another process."""
        rooms_cross = self.reach is Reach.ROOM and self.rooms.cross(self.share.count)
        return self.share.count > 1 and (rooms_cross or self.has_direct)

    def is_ours(self, user: int) -> bool:
        """Whether this process keeps the user's books."""
        return user % self.share.count == self.share.index

    def room_of(self, stamp: Stamp) -> int:
        """The room that a message was said in."""
        return self.rooms.room_of(stamp.sender, stamp.layer)

    def clock_of(self, sender: int) -> Clock | None:
        """That of a sender on another host; None: ours."""
        return self.other_clocks.get(sender % self.share.count) if self.other_clocks else None

    def shift_ns_of(self, user: int) -> int:
        """What is added to the times of a user's process to get ours."""
        clock = self.clock_of(user)
        return 0 if clock is None else clock.shift_ns

    def read(self, text: bytes) -> Stamp | None:
        """What a marker says, its times on our clock; None where it is damaged."""
        stamp = marker.read(text)
        if stamp is None or stamp.layer >= len(self.rooms.layers):
            return None
        clock = self.clock_of(stamp.sender)
        return stamp if clock is None else clock.ours(stamp)
