"""Has a user say, or do, what is due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loadgen.dialects import HttpRequest
from loadgen.engine.calls import Calls
from loadgen.engine.clock import now_ns
from loadgen.engine.course import Course
from loadgen.engine.member import Member
from loadgen.engine.swarm import Swarm
from loadgen.engine.user import UserState
from loadgen.measure.tally import Note
from loadgen.plan.acts import MESSAGES, Act, Acts
from loadgen.plan.incidents import IncidentKind
from loadgen.plan.plan import Plan
from loadgen.plan.rooms import LayerChoice

if TYPE_CHECKING:
    from loadgen.engine.http import HttpClient


def acts_over_http(plan: Plan) -> frozenset[Act]:
    """What of that which the users do is an HTTP request."""
    dialect = plan.dialect
    scripts = {
        Act.MESSAGE: dialect.publish.http,
        Act.DIRECT: dialect.direct and dialect.direct.http,
        Act.TYPING: dialect.typing and dialect.typing.http,
        Act.PRESENCE: dialect.presence and dialect.presence.http,
        Act.HTTP: dialect.http,
    }
    acts = {act for act, _ in plan.mix}
    if any(incident.kind is IncidentKind.ANNOUNCEMENT for incident in plan.incidents):
        acts.add(Act.MESSAGE)
    return frozenset(act for act in acts if scripts.get(act) is not None)


class Speaker:
    """Has a user say what is due."""

    def __init__(self, swarm: Swarm, clients: Sequence[HttpClient], course: Course) -> None:
        self._swarm = swarm
        self._calls = Calls(swarm.books, clients)
        self._over_http = acts_over_http(swarm.plan)
        self._course = course
        self._acts = Acts(swarm.plan.seed, swarm.plan.mix)
        self._layers = LayerChoice(swarm.plan.seed, swarm.plan.rooms)

    def say(self, user: int, n: int, due_ns: int, now: int, user_count: int) -> bytes | HttpRequest | None:
        """Have act ``n`` of the plan done; the message that was sent, None where it was none, or could not be.

        A direct message goes to one of the first ``user_count`` users.
        """
        swarm = self._swarm
        member = swarm.members[user]
        chatter, connection = member.chatter, member.connection
        act, layer = self._acts.act_of(n), self._layers.layer_of(n)
        late = now > self._course.give_up_ns
        asks = self._over_http and act in self._over_http and not late and chatter.state is UserState.READY
        refused = asks and self._calls.refused()
        if act not in MESSAGES:
            if not late and not refused:
                self._send(member, chatter.does(act, layer), due_ns)
            return None
        if late and connection is not None and swarm.ledger.is_measured(due_ns):
            swarm.tally.counts[Note.UNSENT_BY_US] += 1
        writable = connection is not None and connection.writable and not late and not refused
        to = None if act is Act.MESSAGE else self._receiver_of(n, user, user_count)
        message = chatter.due(n, due_ns, now, writable=writable, to=to, layer=layer)
        if type(message) is bytes and connection is not None:  # almost always
            connection.send(message)
        else:
            self._send(member, message, due_ns)
        return message

    def announce(self, user: int, n: int, due_ns: int) -> None:
        """See :class:`loadgen.engine.incidents.Announcer`."""
        member, now = self._swarm.members[user], now_ns()
        asks = Act.MESSAGE in self._over_http and member.chatter.state is UserState.READY
        writable = member.connection is not None and member.connection.writable and now <= self._course.give_up_ns
        if asks and writable and self._calls.refused():
            writable = False
        self._send(member, member.chatter.due(n, due_ns, now, writable=writable), due_ns)

    def _receiver_of(self, n: int, sender: int, user_count: int) -> tuple[int, str]:
        accounts = self._swarm.plan.accounts
        receiver = self._acts.receiver_of(n, sender, user_count)
        return receiver, accounts[receiver % len(accounts)][0]

    def _send(self, member: Member, message: bytes | HttpRequest | None, due_ns: int) -> None:
        if isinstance(message, HttpRequest):
            self._calls.make(member.user, message, due_ns, member.chatter.token)
        elif message is not None and member.connection is not None:
            member.connection.send(message)

    def close(self) -> None:
        """Give up the requests that are under way."""
        self._calls.close()
