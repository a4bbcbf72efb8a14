"""Two runs that begin at one instant, and one that does not wait for the dead."""

from __future__ import annotations

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from scenarios.rendezvous import agree, agreed_start
from tests.support.patience import PATIENCE_S


def begun(theirs: socket.socket, earliest_ns: int) -> int:
    """What a run with this end is told."""
    return asyncio.run(agreed_start(theirs.detach(), earliest_ns))


def test_both_begin_at_the_later_of_their_instants() -> None:
    """Whoever is ready first waits."""
    pairs = [socket.socketpair() for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(begun, theirs, earliest)
            for (_, theirs), earliest in zip(pairs, (5 * 10**18, 6 * 10**18), strict=True)
        ]

        assert agree([ours for ours, _ in pairs], PATIENCE_S)
        assert [run.result(PATIENCE_S) for run in runs] == [6 * 10**18, 6 * 10**18]
    for ours, _ in pairs:
        ours.close()


def test_a_run_begins_without_one_that_is_gone() -> None:
    """At its own instant."""
    (ours, theirs), (other, gone) = socket.socketpair(), socket.socketpair()
    gone.close()
    with ThreadPoolExecutor() as pool:
        run = pool.submit(begun, theirs, 5 * 10**18)

        assert agree([ours, other], PATIENCE_S)
        assert run.result(PATIENCE_S) == 5 * 10**18
    ours.close()
    other.close()


def test_a_run_whose_leader_is_gone_begins_now() -> None:
    """Not in the past."""
    ours, theirs = socket.socketpair()
    ours.close()

    assert begun(theirs, 0) <= time.monotonic_ns()


def test_who_asks_before_all_are_ready_is_told_so_and_may_ask_again() -> None:
    """What one of them said meanwhile is not lost."""
    pairs = [socket.socketpair() for _ in range(2)]
    first, second = (ours for ours, _ in pairs)
    pairs[0][1].sendall(b"7\n")

    assert not agree([first, second], 0)
    assert not agree([first, second], 0)
    pairs[1][1].sendall(b"9\n")
    assert agree([first, second], PATIENCE_S)
    assert pairs[0][1].recv(32) == b"9\n"
    for pair in pairs:
        for end in pair:
            end.close()
