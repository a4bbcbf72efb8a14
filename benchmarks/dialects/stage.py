"""A swarm whose users are all in their room, without a server: what it says and hears is all that happens."""

from loadgen.engine.clock import now_ns
from loadgen.engine.swarm import Swarm
from loadgen.engine.user import UserState
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Plan
from loadgen.plan.rooms import room_name
from scenarios.settle import settle

NOWHERE = ("http://127.0.0.1:1",)
USER_COUNT, PAYLOAD_BYTES = 500, 200
ROOM = room_name(0)
TAG = "1a2b3c"
"""Of the run, in every marker and message id."""


def plan_of(dialect: str) -> Plan:
    """One room, in which everybody writes; ``dialect`` is a name or the path of a file."""
    flags = {
        "target.url": NOWHERE[0],
        "target.dialect": dialect,
        "users.count": str(USER_COUNT),
        "traffic.payload_bytes": str(PAYLOAD_BYTES),
    }
    return settle("fanout", flags, {}).plan_for(NOWHERE, TAG)


def ready_swarm(plan: Plan) -> Swarm:
    """All have connected and joined, and what the server confirms has been confirmed."""
    at_ns = now_ns()
    swarm = Swarm(plan, at_ns, ())
    swarm.ledger.measure(at_ns, at_ns + 3600 * NS_PER_S)
    for user, member in swarm.members.items():
        member.chatter.dialect.use_token("token")
        # A dialect that is told to join waits for the answer; one that is opened again waits for nothing.
        member.chatter.dialect.join([ROOM])
        member.chatter.dialect.open([ROOM])
        member.chatter.state = UserState.READY
        swarm.ledger.members.joined(user, at_ns)
    return swarm
