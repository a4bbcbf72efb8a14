"""What a node knows of a room that it has to do with: it is the room's home, or follows it. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from target_app.nodes.messages import Message
from target_app.outbox import Outbox
from target_app.rooms import Room


@dataclass(slots=True)
class Follower:
    """Another node that has members of the room."""

    # How many connections each user has there.
    users: Counter[str]
    # While it is told what it has missed, what is said meanwhile waits here.
    held: list[Message] | None = None


@dataclass(slots=True)
class Home:
    """We number the room's messages."""

    room: Room[Outbox]
    followers: dict[str, Follower] = field(default_factory=dict)
    # The latest number when we looked last, and how often it has been the same since.
    looked_seq: int = 0
    same_count: int = 0
    # Of the room's messages, how many are neither stored nor given up.
    unsettled_count: int = 0

    @property
    def connection_count(self) -> int:
        """Members, wherever they are connected."""
        return len(self.room.members) + sum(each.users.total() for each in self.followers.values())

    def users(self) -> Iterator[str]:
        """Everybody who is in the room, once."""
        seen: dict[str, None] = dict.fromkeys(self.room.users)
        for each in self.followers.values():
            seen.update(dict.fromkeys(each.users))
        return iter(seen)

    def has(self, user: str) -> bool:
        """Whether a user is in the room, wherever."""
        return user in self.room.users or any(user in each.users for each in self.followers.values())

    def is_news(self, looks: int) -> bool:
        """Look: whether the latest number has changed lately, in the last so many looks."""
        self.same_count = self.same_count + 1 if self.room.seq == self.looked_seq else 0
        self.looked_seq = self.room.seq
        return self.same_count < looks

    def follow(self, node: str, users: Mapping[str, int]) -> tuple[list[str], list[str]]:
        """Let a node follow, from now on with these users; return who has come into the room thereby, and who left."""
        before = set(self.users())
        self.followers[node] = Follower(Counter(users), held=[])
        after = set(self.users())
        return sorted(after - before), sorted(before - after)

    def unfollow(self, node: str) -> list[str]:
        """Forget a node; return the users who have left the room thereby."""
        follower = self.followers.pop(node, None)
        return [] if follower is None else [user for user in follower.users if not self.has(user)]

    def enter(self, node: str, user: str) -> bool:
        """Let in one more connection of a node that follows; whether the user was not there before."""
        is_news = not self.has(user)
        self.followers[node].users[user] += 1
        return is_news

    def leave(self, node: str, user: str) -> bool:
        """Let a connection of a node out; whether that was the user's last."""
        follower = self.followers.get(node)
        if follower is None or user not in follower.users:
            return False
        follower.users[user] -= 1
        if not follower.users[user]:
            del follower.users[user]
        return not self.has(user)


@dataclass(slots=True)
class Followed:
    """Another node numbers the room's messages, and tells us."""

    room: Room[Outbox]
    home: str
    # Whether we have all there is. Otherwise what is said is missed for now, and asked for again.
    is_whole: bool = False


Place = Home | Followed


def homes_in(places: Iterable[Place]) -> Iterator[Home]:
    """Yield those that are at home here."""
    return (place for place in places if isinstance(place, Home))
