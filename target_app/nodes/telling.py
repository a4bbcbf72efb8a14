"""What a home tells its room: its own members, and the nodes that follow."""

from target_app import rooms_answers as answers
from target_app.nodes.bus import Bus
from target_app.nodes.messages import Message, Presence
from target_app.nodes.places import Home
from target_app.outbox import Outbox, broadcast
from target_app.rooms import Room


def tell_followers(bus: Bus, home: Home, message: Message, but: str | None = None) -> None:
    """Send a message to the nodes that follow; to those who are being told what they missed, after that."""
    ready: list[str] = []
    for node, follower in home.followers.items():
        if node == but:
            continue
        if follower.held is None:
            ready.append(node)
        else:
            follower.held.append(message)
    if ready:
        bus.send_each(ready, message)


def tell_presence(bus: Bus, home: Home, user: str, state: answers.Presence, but: str | None = None) -> None:
    """Tell whoever watches, here and elsewhere, that a user came or went."""
    tell_watchers(home.room, user, state)
    tell_followers(bus, home, Presence(home.room.name, user, state.value), but)


def tell_watchers(room: Room[Outbox], user: str, state: answers.Presence) -> None:
    """Tell our own members who want to know."""
    if room.watchers:
        broadcast(answers.presence(room.name, user, state), room.watchers)
