"""Whether the receive path is as cheap as it was: a bound on the ratio, never on a time. Pure."""

from dataclasses import dataclass
from enum import StrEnum

# What others take away slows both sides down, but not alike: by the scheduler's luck.
MOST_OTHERS_RATIO = 0.1


class Judgement(StrEnum):
    """What comes of a bound."""

    HELD = "held"
    EXCEEDED = "exceeded"
    NOT_MEASURED = "not measured"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under which both sides ran."""

    had_cores: bool
    """Whether relay and receiver had a core each."""
    others_ratio: float | None
    """Which share of the machine others took meanwhile; None: not known."""


def judgement(ratio: float | None, at_most: float, circumstances: Circumstances) -> tuple[Judgement, str]:
    """What comes of the bound ``at_most``, and the line that says so; ``ratio`` is None where it was not measured."""
    if not circumstances.had_cores:
        return Judgement.NOT_JUDGED, "not judged: relay and receiver need a core each, and taskset to stay there"
    others = circumstances.others_ratio
    if ratio is not None and ratio <= at_most:
        return Judgement.HELD, f"held: {ratio:.2f}, at most {at_most:.2f}"
    if others is not None and others > MOST_OTHERS_RATIO:
        return Judgement.NOT_JUDGED, f"not judged: others took {others:.0%} of this machine meanwhile"
    if ratio is None:
        return Judgement.NOT_MEASURED, f"not measured, so it is not known to be at most {at_most:.2f}"
    return Judgement.EXCEEDED, f"EXCEEDED: {ratio:.2f}, at most {at_most:.2f}"


def passes(judgements: list[Judgement]) -> bool:
    """Whether the last of the tries, of which there are two at most, is nothing to worry about."""
    return judgements[-1] in (Judgement.HELD, Judgement.NOT_JUDGED)
