"""The plain chat room: one room, text frames, everyone hears everything."""

from target_app.outbox import SERVICE_RESTART, Deliver, Origin, Outbox, broadcast


class ChatRoom:
    """Everyone who is in the chat."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        # A dict is a set that remembers the order of joining.
        self._members: dict[Outbox, str] = {}

    def join(self, outbox: Outbox, user: str) -> None:
        """Let a connection in and tell everyone, itself too."""
        self._members[outbox] = user
        broadcast(f"{user} joined the chat!", self._members)

    def say(self, outbox: Outbox, text: str) -> None:
        """Tell everyone what a member said, itself too."""
        user = self._members[outbox]
        self._deliver(f"{user}: {text}", self._members, Origin(room=None, sender=user, id=None))

    def leave(self, outbox: Outbox) -> None:
        """Let a connection out and tell those who stay."""
        user = self._members.pop(outbox)
        # When the server stops everybody leaves: 2,000 times 2,000 frames that nobody will read.
        if outbox.closed_with != SERVICE_RESTART:
            broadcast(f"{user} left the chat!", self._members)
