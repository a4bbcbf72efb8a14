"""What a budget limits: a metric or counter of the whole run, or, as ``METRIC{KIND: NAME}``, of a slice of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from loadgen.errors import InputError
from loadgen.measure.record import Phase
from loadgen.measure.tally import OF_A_NODE, OF_A_PHASE, OF_A_SLICE, OF_THE_WHOLE_RUN, Count, Metric
from loadgen.plan.slices import MOST_MEMBERS, NO_INCIDENT, OTHER_NODE, SAME_NODE, RoomClass, SliceKind

_SUBJECT = re.compile(r"\s*(?P<metric>[^:{}]*?)\s*(?:\{(?P<slice>[^{}]*)\}\s*)?")
# More stages or incidents than any scenario has.
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


class Resource(StrEnum):
    """What should not grow in a long run."""

    SERVER_MEMORY = "server_memory"
    GENERATOR_MEMORY = "generator_memory"
    COORDINATOR_MEMORY = "coordinator_memory"
    SERVER_DESCRIPTORS = "server_descriptors"
    GENERATOR_DESCRIPTORS = "generator_descriptors"


def is_memory(metric: str) -> bool:
    """Whether it is counted in bytes; other resources are pieces."""
    return metric.endswith("_memory")


MEASURED = SliceKind.PHASE.named(Phase.MEASURE)
"""Of messages, the same as no slice: nothing else of them is measured."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a budget limits."""

    metric: str
    slice: str | None = None
    """As in ``room: large``; None: the whole run."""

    def __str__(self) -> str:
        return self.metric if self.slice is None else f"{self.metric}{{{self.slice}}}"


def parse_subject(text: str) -> Subject:
    """The subject ``METRIC`` or ``METRIC{KIND: NAME}``; InputError where there is no such thing to limit."""
    found = _SUBJECT.fullmatch(text)
    if found is None:
        raise InputError(f'expected METRIC or METRIC{{KIND: NAME}} like "delivery_time{{room: large}}", got "{text}"')
    metric = found["metric"]
    known = [*Metric, *Count, *Resource]
    if metric not in known:
        near = get_close_matches(metric, known, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else f"; there are {', '.join(known)}"
        raise InputError(f'unknown metric "{metric}"{hint}')
    if found["slice"] is None:
        return Subject(metric)
    kind, name = _slice_of(found["slice"])
    _check_told_apart(metric, kind, name)
    return Subject(metric, kind.named(name))


def spelled(text: str) -> str:
    """A subject as we write it; as it is where it is none."""
    try:
        return str(parse_subject(text))
    except InputError:
        return text


def _slice_of(text: str) -> tuple[SliceKind, str]:
    kind, colon, name = (part.strip() for part in text.partition(":"))
    if not colon or kind not in set(SliceKind):
        raise InputError(
            f'expected {{KIND: NAME}} with a kind of room, stage, incident, node or phase like "{{room: large}}", '
            f'got "{{{text.strip()}}}"'
        )
    names: dict[SliceKind, tuple[str, bool]] = {
        SliceKind.ROOM: (_classes_in_words(), name in set(RoomClass)),
        SliceKind.STAGE: ("the number of a stage, from 1", bool(_NUMBER.fullmatch(name))),
        SliceKind.INCIDENT: (
            "the number of an incident, from 1, or none",
            bool(_NUMBER.fullmatch(name)) or SliceKind.INCIDENT.named(name) == NO_INCIDENT,
        ),
        SliceKind.NODE: ("same or other", SliceKind.NODE.named(name) in (SAME_NODE, OTHER_NODE)),
        SliceKind.PHASE: (f"{', '.join([*Phase][:-1])} or {[*Phase][-1]}", name in set(Phase)),
    }
    expected, is_name = names[SliceKind(kind)]
    if not is_name:
        raise InputError(f'expected after "{kind}:" {expected}, got "{name}"')
    return SliceKind(kind), name


def _classes_in_words() -> str:
    sizes = ", ".join(f"{each} (up to {most:,} members)" for each, most in MOST_MEMBERS.items())
    return f"{sizes}, {RoomClass.HUGE} (more) or {RoomClass.DIRECT} (messages to one user)"


def _check_told_apart(metric: str, kind: SliceKind, name: str) -> None:
    """InputError where a metric has no slices of a kind."""
    if metric in set(Resource):
        raise InputError(f'"{metric}" has no slices')
    is_of_messages = metric not in OF_THE_WHOLE_RUN
    if kind is not SliceKind.PHASE:
        those = OF_A_NODE if kind is SliceKind.NODE else OF_A_SLICE
        if metric not in those:
            raise InputError(f'"{metric}" has no slices by {kind}; those that have: {", ".join(sorted(those))}')
    elif is_of_messages and name == Phase.WARMUP:
        raise InputError(f'"{metric}" has no {{phase: warmup}}, since the warm-up is never measured')
    elif is_of_messages and name != Phase.MEASURE:
        raise InputError(
            f'"{metric}" has no phase but measure (the measured window); others have: {", ".join(sorted(OF_A_PHASE))}'
        )
    elif not is_of_messages and metric not in OF_A_PHASE:
        raise InputError(f'"{metric}" has no slices; those that have phases: {", ".join(sorted(OF_A_PHASE))}')
