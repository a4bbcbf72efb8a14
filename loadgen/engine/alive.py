"""Keeps the connections of a process alive, as the dialect says, from the first one on."""

from __future__ import annotations

import asyncio
from collections import deque

from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.swarm import ANSWER_TIMEOUT_S, Swarm
from loadgen.plan.pacing import NS_PER_S

_PATIENCE_NS = round(ANSWER_TIMEOUT_S * NS_PER_S)
# How soon a user who is the first to come is noticed.
_LOOK_PERIOD_NS = 500_000_000


async def keep_alive(swarm: Swarm) -> None:
    """Have each user send its regular frame, one after the other over the interval; goes on until it is cancelled.

    An answer that is to come, and has not when the next frame is due or ANSWER_TIMEOUT_S later, is counted.
    """
    every_ns = swarm.plan.dialect.alive.every_ns
    assert every_ns is not None, "asked to keep alive by a dialect that does not say how"
    asked: deque[tuple[int, int]] = deque()  # (until when it is to be answered, user)
    async with asyncio.TaskGroup() as group:
        group.create_task(_send(swarm, every_ns, asked))
        group.create_task(_miss_answers(swarm, asked))


async def _send(swarm: Swarm, every_ns: int, asked: deque[tuple[int, int]]) -> None:
    start_ns = now_ns()
    while True:
        users = list(swarm.members)
        for n, user in enumerate(users, start=1):
            await sleep_until(start_ns + n * every_ns // len(users))
            member = swarm.members[user]
            frame = member.chatter.keeping_alive()
            if frame is not None:
                member.send_all([frame])
                # Where the next one comes before that, it looks itself.
                if every_ns > _PATIENCE_NS:
                    asked.append((now_ns() + _PATIENCE_NS, user))
        start_ns += every_ns if users else min(every_ns, _LOOK_PERIOD_NS)
        await sleep_until(start_ns)


async def _miss_answers(swarm: Swarm, asked: deque[tuple[int, int]]) -> None:
    while True:
        if not asked:
            await sleep_until(now_ns() + _LOOK_PERIOD_NS)
            continue
        until_ns, user = asked.popleft()
        await sleep_until(until_ns)
        swarm.members[user].chatter.misses_answer()
