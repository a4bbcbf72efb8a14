"""Which message of each user still waits for its answer, in a closed loop."""

from __future__ import annotations

from collections.abc import Callable

from loadgen.measure.receive_path import Receive


class Answers:
    """The answer is the server's acknowledgement where there is one, else the sender's own message as it comes back."""

    def __init__(self) -> None:
        self.on_answer: Callable[[int, int], None] | None = None
        """Told of each answer: the user, and when it came."""
        self._awaited: dict[int, bytes] = {}  # user -> the marker of its message

    def await_for(self, user: int, marker: bytes) -> None:
        """The user has sent a message and waits."""
        self._awaited[user] = marker

    def forget(self, user: int) -> None:
        """The user waits no longer."""
        self._awaited.pop(user, None)

    def is_awaited(self, user: int, marker: bytes) -> bool:
        """Whether the user still waits for the answer to this message."""
        return self._awaited.get(user) == marker

    def came(self, user: int, marker: bytes, now_ns: int) -> None:
        """The answer to a message has come; an old one's is of no interest."""
        if self.is_awaited(user, marker):
            del self._awaited[user]
            if self.on_answer is not None:
                self.on_answer(user, now_ns)

    def noticed_by(self, receive: Receive) -> Receive:
        """A receive path that also notices when a user's own message has come back: 0.1 us more a delivery."""
        awaited = self._awaited

        def receive_and_notice(user: int, payload: bytes, now_ns: int) -> bool:
            taken = receive(user, payload, now_ns)
            marker = awaited.get(user)
            if taken and marker is not None and marker in payload:
                self.came(user, marker, now_ns)
            return taken

        return receive_and_notice
