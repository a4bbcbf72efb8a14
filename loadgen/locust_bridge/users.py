"""Locust's users of ours."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event
from locust import User, constant, tag, task
from locust.env import Environment
from locust.exception import StopUser

from loadgen.engine.wire import Deed
from loadgen.locust_bridge.agent import ChatError, RunOverError

if TYPE_CHECKING:
    from loadgen.locust_bridge.session import Session

# Longer than any run: the user does nothing by itself. Waiting for an event instead would take Locust's whole stop
# timeout to end, and a user without a task floods its log.
_FOREVER_S = 1e9


def session_of(user: User) -> Session:
    """The session that the locustfile has begun; LookupError where it has not."""
    session: Session | None = getattr(user.environment, "chatbench", None)
    if session is None:
        raise LookupError("this locustfile does not import scenarios.locustfile, which starts the engine")
    return session


class ChatUser(User):
    """One user of the scenario, with a socket of its own in the swarm; the scenario says what it does.

    Its greenlet only stands for it, so that Locust's number of users is true.
    """

    wait_time = constant(_FOREVER_S)

    def on_start(self) -> None:
        session_of(self).agent.user_came()

    def on_stop(self) -> None:
        session_of(self).agent.user_left()

    @tag("chat")
    @task
    def chat(self) -> None:
        """The swarm does it all."""


# Frames that a script has not asked for yet; older ones are forgotten.
_FRAMES_KEPT = 1000


class ScriptedChatUser(User):
    """A chat user whose tasks are written in Python.

    Its socket lives in the swarm, and what it sends is stamped and in the books like everything else: scripted users
    and those of the scenario measure each other. A message is due when :meth:`send` is called. Each method waits until
    the deed is done, and raises ChatError where it cannot be.
    """

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._frames: deque[str] = deque(maxlen=_FRAMES_KEPT)
        self._has_come = Event()
        self._number: int | None = None

    def on_start(self) -> None:
        """Log in, connect and join; override it to do that step by step."""
        self.log_in()
        self.connect()
        self.join()

    def on_stop(self) -> None:
        if self._number is not None:
            with contextlib.suppress(ChatError, StopUser):
                self.leave()

    def log_in(self) -> None:
        """Get a token, where the dialect has a login."""
        self._do(Deed.LOG_IN)

    def connect(self) -> None:
        """Open the socket, and wait for the greeting, where the dialect has one."""
        self._do(Deed.CONNECT)

    def join(self) -> None:
        """Enter the room that the scenario has for this user."""
        self._do(Deed.JOIN)

    def send(self, text: str) -> None:
        """Say something to the room; returns when it is handed to the socket."""
        self._do(Deed.SEND, text)

    def leave(self) -> None:
        """Close the socket in good order."""
        self._do(Deed.LEAVE)

    def wait_for(self, wanted: str | Callable[[str], bool], timeout_s: float = 10.0) -> str:
        """The next frame that holds a text, or that a function says yes to; ChatError where none comes in time.

        Frames that have come since the last one that was waited for are looked at, too.
        """
        is_wanted = wanted if callable(wanted) else lambda frame: wanted in frame
        with gevent.Timeout(timeout_s, ChatError(f"{wanted!r} did not come within {timeout_s:g} s")):
            while True:
                while self._frames:
                    frame = self._frames.popleft()
                    if is_wanted(frame):
                        return frame
                self._has_come.clear()
                self._has_come.wait()

    def _do(self, deed: Deed, text: str = "") -> None:
        agent = session_of(self).agent
        if self._number is None:
            self._number = agent.new_script(self._overheard)
        try:
            agent.do(self._number, deed, text)
        except RunOverError:
            # Nothing that the script has done wrong: it is not to stand among Locust's exceptions.
            raise StopUser from None

    def _overheard(self, frame: bytes) -> None:
        self._frames.append(frame.decode(errors="replace"))
        self._has_come.set()
