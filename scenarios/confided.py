"""What a run that another command starts is told by its environment: everybody may read command lines."""

from __future__ import annotations

from collections.abc import Sequence

from loadgen.plan.access import without_passwords
from loadgen.plan.secrets import is_secret_header
from scenarios.layers import CONFIDED, FLAGS

_HEADER, _TARGET = "--header", "--target"
_MAY_HOLD_ONE = frozenset({_HEADER, _TARGET, "--proxy", "--target-metrics"})
_VARIABLES = {flag.name: flag.variable for flag in FLAGS if flag.name in _MAY_HOLD_ONE}


def confided(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Those of ``chatbench run`` that hold no secret, and variables that say the others; a flag and its value are two.

    All values of a flag go the same way, since a flag goes before its variable. One variable more says that they were
    flags, so that the run does not tell of an environment which nobody has set.
    """
    kept: list[str] = []
    given: dict[str, list[str]] = {}
    words = iter(arguments)
    for word in words:
        if word in _VARIABLES:
            given.setdefault(word, []).append(next(words))
        else:
            kept.append(word)
    variables, confided_flags = {}, []
    for flag, values in given.items():
        if any(_is_secret(flag, value) for value in values):
            variables[_VARIABLES[flag]] = _joined(flag, values)
            confided_flags.append(flag)
        else:
            kept += [word for value in values for word in (flag, value)]
    return kept, variables | ({CONFIDED: " ".join(confided_flags)} if confided_flags else {})


def _is_secret(flag: str, value: str) -> bool:
    if flag == _HEADER:
        return is_secret_header(value.partition(":")[0].strip())
    return without_passwords(value) != value


def _joined(flag: str, values: Sequence[str]) -> str:
    if flag == _HEADER:
        return "\n".join(values)
    # Commas stand between addresses there.
    return " ".join(value.replace(",", "%2C") for value in values) if flag == _TARGET else values[-1]
