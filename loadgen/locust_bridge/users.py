"""Locust's users of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from locust import User, constant, task

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

    @task
    def chat(self) -> None:
        """The swarm does it all."""
