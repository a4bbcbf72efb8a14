"""Which slices the messages of a scenario have: rooms of several sizes, stages, incidents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

from loadgen.plan.acts import Act, Mix
from loadgen.plan.incidents import Incident, IncidentKind
from loadgen.plan.rooms import Rooms
from loadgen.plan.slices import RoomClass, SliceKind, Slicing, Stretch, room_classes_of


def slicing_of(
    rooms: Rooms,
    user_count: int,
    mix: Mix,
    stage_lengths_ns: Sequence[int],
    incidents: Sequence[Incident],
    *,
    nodes: bool = False,
) -> Slicing:
    """How messages are told apart; ``stage_lengths_ns``: of all stages, one after the other.

    ``nodes``: whether the server may have several, and we can tell them apart.
    """
    acts = {act for act, _ in mix}
    layers = [layer for layer in rooms.layers if layer.weight and Act.MESSAGE in acts]
    if any(incident.kind is IncidentKind.ANNOUNCEMENT for incident in incidents):
        layers.append(rooms.layers[0])
    classes = room_classes_of(layers, user_count) | ({RoomClass.DIRECT} if Act.DIRECT in acts else set())
    stretches = (*_stages(stage_lengths_ns), *_incidents(incidents)) if classes else ()
    in_order = tuple(each for each in RoomClass if each in classes)
    return Slicing(rooms, user_count, in_order, stretches, nodes and bool(classes))


def _stages(lengths_ns: Sequence[int]) -> Iterable[Stretch]:
    """A step takes no time, so nothing is due in it."""
    ends_ns = list(accumulate(lengths_ns, initial=0))
    for number, (from_ns, until_ns) in enumerate(pairwise(ends_ns), start=1):
        if until_ns > from_ns:
            yield Stretch(SliceKind.STAGE.named(number), from_ns, until_ns)


def _incidents(incidents: Sequence[Incident]) -> Iterable[Stretch]:
    for incident in incidents:
        yield Stretch(SliceKind.INCIDENT.named(incident.number + 1), incident.at_ns, incident.until_ns)
