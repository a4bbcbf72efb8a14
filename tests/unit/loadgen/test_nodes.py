"""Where users are and were."""

from __future__ import annotations

import numpy as np

from loadgen.measure.nodes import MOVE_BYTES, UNKNOWN, Layout, Nodes, node_number
from loadgen.plan.plan import Share

ADDRESS = "http://one"
A, B, C = (node_number(ADDRESS, name) for name in "abc")
NAMED = Layout((ADDRESS,), are_named=True)


def where(nodes: Nodes, user: int, *at_ns: int) -> list[int]:
    numbers: list[int] = nodes.at(np.full(len(at_ns), user), np.array(at_ns)).tolist()
    return numbers


def test_by_their_addresses_users_are_where_they_were_meant_to_be() -> None:
    """There is nothing to hear: they take them in turn, and come back to the same."""
    nodes = Nodes(3, Layout(("http://one", "http://two")))
    one, two = node_number("http://one", ""), node_number("http://two", "")

    assert nodes.at(np.arange(3), np.array([0, 5, 9])).tolist() == [one, two, one]
    assert nodes.are_several
    assert not Nodes(3, Layout(("http://one",))).are_several
    assert not Nodes(3, Layout(("http://one", "http://one"))).are_several


def test_the_present_node_and_the_one_before_are_known() -> None:
    """Before that nobody says anything that is not known."""
    nodes = Nodes(1, NAMED)
    assert where(nodes, 0, 5) == [UNKNOWN]
    nodes.greeted(0, "a", 10)
    assert where(nodes, 0, 9, 10) == [UNKNOWN, A]
    nodes.greeted(0, "b", 20)
    assert where(nodes, 0, 9, 10, 19, 20) == [UNKNOWN, A, A, B]
    nodes.greeted(0, "c", 30)
    assert where(nodes, 0, 19, 20, 29, 30) == [UNKNOWN, B, B, C]


def test_to_come_back_to_the_same_node_is_no_move() -> None:
    """The one before stays known, and nobody else need hear of it."""
    nodes = Nodes(1, NAMED)
    for name, now_ns in (("a", 10), ("b", 20), ("b", 30)):
        nodes.greeted(0, name, now_ns)
        if now_ns < 30:
            nodes.take_moves()

    assert where(nodes, 0, 15, 25, 35) == [A, B, B]
    assert nodes.take_moves() == b""


def test_processes_hear_of_one_another() -> None:
    """Of one's own users, what comes back is old, and passed over; of another host the time is put right."""
    one, other = (Nodes(4, NAMED, Share(index, 2)) for index in (0, 1))
    one.greeted(0, "a", 10)
    one.greeted(2, "a", 11)
    moves = one.take_moves()
    one.greeted(0, "b", 20)
    one.hear(moves, lambda user: 0)
    other.hear(moves, lambda user: 100)

    assert where(one, 0, 15, 25) == [A, B]
    assert where(other, 0, 109, 110) == [UNKNOWN, A]
    other.hear(one.take_moves(), lambda user: 100)
    assert where(other, 0, 110, 120) == [A, B]


def test_a_nameless_node_is_one_by_its_address() -> None:
    """A server that names its nodes, and one that does not, are two."""
    nodes = Nodes(2, NAMED)
    nodes.greeted(0, None, 10)
    nodes.greeted(1, "a", 10)

    assert where(nodes, 0, 10) == [node_number(ADDRESS, "")] != where(nodes, 1, 10)


def test_numbers_are_alike_everywhere() -> None:
    """They go from process to process, and from host to host."""
    assert node_number("http://one", "a") == 7159232624776732901


def test_who_missed_where_users_are_hears_it_when_it_is_said_again() -> None:
    """A process that was still being started; who had heard it learns nothing new, nor what was not known before."""
    one, late = (Nodes(4, NAMED, Share(index, 2)) for index in (0, 1))
    one.greeted(0, "a", 10)
    one.take_moves()
    one.greeted(0, "b", 20)
    one.announce()
    moves = one.take_moves()

    late.hear(moves, lambda user: 0)
    once = where(late, 0, 15, 25)
    late.hear(moves, lambda user: 0)

    assert once == where(late, 0, 15, 25) == [UNKNOWN, B]
    assert len(moves) == 2 * MOVE_BYTES, "of a user who is nowhere yet nothing is said"
