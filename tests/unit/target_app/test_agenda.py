"""The agenda: everything in its time, and one alarm for all of it."""

import pytest

from target_app.agenda import Agenda


def test_deeds_are_done_in_the_order_in_which_they_are_due() -> None:
    """Those of the same instant in the order they came in; none early."""
    done: list[str] = []
    agenda = Agenda(lambda _: None)
    for due_ns, name in [(30, "d"), (10, "a"), (20, "b"), (20, "c")]:
        agenda.at(due_ns, done.append, name)

    agenda.do(9)
    assert done == []
    agenda.do(20)
    assert done == ["a", "b", "c"]
    agenda.do(1_000)
    assert done == ["a", "b", "c", "d"]


def test_the_alarm_is_set_for_the_first_deed_only() -> None:
    """Setting a timer costs a system call; a later deed needs none."""
    alarms: list[int] = []
    agenda = Agenda(alarms.append)

    for due_ns in (20, 30, 10):
        agenda.at(due_ns, lambda: None)
    assert alarms == [20, 10]

    agenda.do(10)
    agenda.do(30)
    assert alarms == [20, 10, 20]


def test_a_deed_that_fails_does_not_stop_the_others() -> None:
    """The error is for whoever called; what is left still has its alarm."""
    alarms: list[int] = []
    agenda = Agenda(alarms.append)
    agenda.at(1, {}.pop, "missing")
    agenda.at(2, lambda: None)

    with pytest.raises(KeyError):
        agenda.do(5)

    assert alarms[-1] == 2
