"""What tests of simulated runs hold against one another."""

from __future__ import annotations

from loadgen.measure.tally import Count, Tally
from loadgen.plan.pacing import NS_PER_S, Gaps
from loadgen.plan.rooms import Layer
from loadgen.plan.senders import ActiveUsers, Senders
from loadgen.plan.slices import Stretch
from tests.support.simulator import MS, Simulation

COUNTED = [name for name in Count if not name.startswith(("frames_", "bytes_"))]
# Counted by the swarm, or not happening here.
NOT_SIMULATED = {Count.USERS_PLANNED, Count.CONNECTIONS_FAILED}


def books_close(tally: Tally) -> bool:
    """The two sums of docs/measuring.md."""
    c = tally.counts
    return (
        c[Count.MESSAGES_DUE] == c[Count.MESSAGES_SENT] + c[Count.MESSAGES_UNSENT]
        and c[Count.DELIVERIES_EXPECTED]
        == c[Count.DELIVERIES_RECEIVED] + c[Count.DELIVERIES_LOST] + c[Count.DELIVERIES_EXCUSED]
    )


def simulated_sender(n: int, user_count: int = 10, seed: int = 1) -> int:
    """Who writes message ``n``."""
    sender = Senders(seed, ActiveUsers(seed, 1.0, user_count)).sender_of(n, user_count)
    assert sender is not None, "all are active"
    return sender


def an_eventful_run(
    process_count: int,
    room_count: int,
    more_layers: tuple[Layer, ...] = (),
    stretches: tuple[Stretch, ...] | None = None,
) -> Tally:
    """Two hundred messages a second for 4 s, a server that loses, doubles, swaps and delays, users who come and go."""

    def fate(message: int, receiver: int) -> list[int]:
        match (7 * message + 3 * receiver) % 41:
            case 0:
                return []
            case 1:
                return [5 * MS, 9 * MS, 700 * MS]
            case 2:
                return [300 * MS]
            case 3:
                return [1_200 * MS]
            case _:
                return [(2 + receiver) * MS]

    simulation = Simulation(
        user_count=24,
        room_count=room_count,
        more_layers=more_layers,
        rate_per_s=200,
        seconds=4,
        gaps=Gaps.EXPONENTIAL,
        deadline_ns=NS_PER_S,
        drain_ns=NS_PER_S,
        fate=fate,
        unacknowledged=frozenset(range(0, 800, 5)),
        eavesdroppers=frozenset({5}),
        history=True,
        process_count=process_count,
        stretches=stretches,
    )
    for user in range(0, 24, 3):
        simulation.take_out(user, (2_000 + user) * MS, back_ns=(2_100 + 30 * user) * MS)
    for user in range(1, 24, 3):
        simulation.leave(user, (1_500 + 40 * user) * MS, back_ns=None if user > 18 else (3_000 + 20 * user) * MS)
    simulation.cut(2, 3_333 * MS)
    return simulation.run()
