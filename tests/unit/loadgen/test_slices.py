"""Which slices a message is in: beside what one would say of it alone."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.incidents import Incident, IncidentKind
from loadgen.plan.rooms import Layer, Rooms
from loadgen.plan.slices import (
    NO_INCIDENT,
    UNSLICED,
    Cells,
    RoomClass,
    SliceKind,
    Slicing,
    Stretch,
    kind_of,
    room_class_of,
    room_classes_of,
)

# Six users: a room of three, one of two, one of one.
ROOMS = Rooms((Layer(3, array("i", [0, 0, 0, 1, 1, 2])),))
BOTH = (RoomClass.PAIR, RoomClass.SMALL)
WINDOW_NS = 100


def a_slicing(*stretches: Stretch, classes: tuple[RoomClass, ...] = BOTH) -> Slicing:
    return Slicing(ROOMS, 6, classes, stretches)


def stage(number: int, from_ns: int, until_ns: int) -> Stretch:
    return Stretch(f"stage: {number}", from_ns, until_ns)


def incident(number: int, from_ns: int, until_ns: int | None) -> Stretch:
    return Stretch(f"incident: {number}", from_ns, until_ns)


STRETCHES = st.lists(
    st.builds(
        Stretch,
        st.sampled_from(["stage: 1", "stage: 2", "incident: 1", "incident: 2"]),
        st.integers(0, WINDOW_NS - 1),
        st.none() | st.integers(1, WINDOW_NS),
    ).filter(lambda each: each.until_ns is None or each.until_ns > each.from_ns),
    max_size=4,
    unique_by=lambda each: each.name,
)


@pytest.mark.parametrize(
    ("count", "size"),
    [
        *((1, "pair"), (2, "pair"), (3, "small"), (10, "small"), (11, "medium"), (100, "medium")),
        *((101, "large"), (1_000, "large"), (1_001, "huge"), (10**7, "huge")),
    ],
)
def test_a_room_is_of_the_class_of_its_members(count: int, size: str) -> None:
    """The bounds of the documentation, to the member."""
    assert room_class_of(count) == size


def test_the_classes_of_a_layer_are_those_of_its_rooms() -> None:
    """Of equal rooms some have one more; of rooms of one's own each has one; of a table each has its own number."""
    assert room_classes_of([Layer(9)], 98) == {RoomClass.SMALL, RoomClass.MEDIUM}
    assert room_classes_of([Layer.own()], 98) == {RoomClass.PAIR}
    assert room_classes_of(ROOMS.layers, 6) == {RoomClass.PAIR, RoomClass.SMALL}
    assert room_classes_of([*ROOMS.layers, Layer(1)], 600) == {RoomClass.MEDIUM, RoomClass.LARGE}


@given(STRETCHES, st.integers(-5, 2 * WINDOW_NS), st.sampled_from([0, 1, 2, None]))
def test_a_message_is_in_the_slices_that_it_would_be_in_alone(
    stretches: list[Stretch], after_ns: int, room: int | None
) -> None:
    """Room and time, each by itself; before the window nothing is measured, and nothing asked."""
    slicing = a_slicing(*stretches, classes=(*BOTH, RoomClass.DIRECT))
    cells = Cells(slicing)
    size = RoomClass.DIRECT if room is None else RoomClass.SMALL if room == 0 else RoomClass.PAIR
    under_way = [each.name for each in stretches if each.holds(after_ns)]
    has_incidents = any(kind_of(each.name) is SliceKind.INCIDENT for each in stretches)
    calm = has_incidents and not any(kind_of(name) is SliceKind.INCIDENT for name in under_way)

    found = cells.slices(cells.of(room, after_ns))

    if after_ns >= 0:
        assert set(found) == {f"room: {size}", *under_way, *([NO_INCIDENT] if calm else [])}
        assert len(found) == len(set(found))


@given(STRETCHES)
def test_slices_of_time_are_as_long_as_they_hold(stretches: list[Stretch]) -> None:
    """Instant by instant; and whoever asks for a slice that is told of gets one with a name."""
    slicing = a_slicing(*stretches)
    cells = Cells(slicing)
    moments = [cells.slices(cells.of(0, after_ns)) for after_ns in range(WINDOW_NS)]

    for name in slicing.names:
        expected = WINDOW_NS if kind_of(name) is SliceKind.ROOM else sum(name in moment for moment in moments)
        assert slicing.length_ns(name, WINDOW_NS) == expected
    assert {name for moment in moments for name in moment} <= {*slicing.names}


def test_a_window_that_was_cut_short_cuts_its_slices_short() -> None:
    """A rate is per second of what there was."""
    slicing = a_slicing(stage(1, 0, 40), stage(2, 40, 100), incident(1, 70, None))

    assert [slicing.length_ns(name, 60) for name in ("stage: 1", "stage: 2", "incident: 1", NO_INCIDENT)] == [
        40,
        20,
        0,
        60,
    ]


def test_slices_are_told_in_order() -> None:
    """Rooms by size, then time as the plan has it."""
    slicing = a_slicing(stage(1, 0, 50), stage(2, 50, 100), incident(1, 10, 20))

    assert slicing.names == ("room: pair", "room: small", "stage: 1", "stage: 2", "incident: 1", "incident: none")


def test_one_class_of_rooms_is_not_told_apart_from_all() -> None:
    """It would be the whole, written down twice."""
    slicing = a_slicing(classes=(RoomClass.SMALL,))

    assert (slicing.names, slicing.whole, slicing.tells_apart) == ((), "room: small", False)
    assert a_slicing().whole is None
    assert not UNSLICED.tells_apart


def test_an_incident_that_lasts_for_the_whole_window_leaves_no_time_without() -> None:
    """There is no such slice, so nobody can ask for it."""
    assert a_slicing(incident(1, 0, None)).names[2:] == ("incident: 1",)


def test_a_room_in_which_nothing_is_said_by_plan_is_in_no_slice_of_rooms() -> None:
    """A script may say something there all the same."""
    cells = Cells(a_slicing(classes=(RoomClass.PAIR, RoomClass.DIRECT)))

    assert cells.slices(cells.of(0, 5)) == ()


@pytest.mark.parametrize("cell", [-1, 10**6])
def test_a_cell_that_there_is_not_has_no_slices(cell: int) -> None:
    """Another host may say what it likes."""
    assert Cells(a_slicing()).slices(cell) == ()


@pytest.mark.parametrize(
    ("kind", "within_ns", "until_ns"),
    [
        (IncidentKind.HERD_JOIN, 30, 40),
        (IncidentKind.ANNOUNCEMENT, 30, 40),
        (IncidentKind.ANNOUNCEMENT, 0, None),
        (IncidentKind.RECONNECT_STORM, 30, None),
        (IncidentKind.SLOW_READERS, 30, None),
        (IncidentKind.SERVER_RESTART, 0, None),
    ],
)
def test_an_incident_is_over_when_the_plan_knows_that_it_is(
    kind: IncidentKind, within_ns: int, until_ns: int | None
) -> None:
    """How long it takes until all are back is for the run to tell."""
    assert Incident(kind, 10, within_ns=within_ns).until_ns == until_ns
