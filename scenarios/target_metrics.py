"""What a server tells in Prometheus' text format: which of it is worth drawing, and its values. Pure.

Only the lines that are asked for are read, since a server may tell of thousands of things, and the library takes some
ten microseconds for each of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence, Set

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from reports.target_series import MOST_SERIES, Wanted

# Of a name with more samples than that nobody knows what their sum means.
_MOST_SAMPLES = 200

# The names that the client libraries have agreed on.
_WELL_KNOWN = (
    Wanted("process_cpu_seconds_total", is_rate=True),
    Wanted("process_resident_memory_bytes"),
    Wanted("process_open_fds"),
)
_OF_CONNECTIONS = re.compile(r"connect|socket|session|client|online", re.IGNORECASE)
_OF_MESSAGES = re.compile(
    r"messages?(?![a-z])|deliver|publish|broadcast|sends?(?![a-z])|frames?(?![a-z])", re.IGNORECASE
)
_SAMPLE = re.compile(
    r"[a-zA-Z_:][a-zA-Z0-9_:]*\s*(?:\{.*\})?\s+(?:NaN|[+-]?Inf|[+-]?[0-9][0-9.eE+-]*)(?:\s+-?[0-9]+)?\s*"
)
_LINE = re.compile(r"(?:#\s*TYPE\s+)?(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)")


class NotPrometheusError(ValueError):
    """An answer that is not in the format."""


def values_of(text: str, names: Iterable[str]) -> dict[str, float]:
    """The samples of each name, added up; a name that is not there, or whose sum is not finite, is left out.

    NotPrometheusError where none of the names is there, or a line of theirs cannot be read.
    """
    wanted = frozenset(names)
    values: dict[str, float] = {}
    for family in _families(text, wanted):
        for sample in family.samples:
            values[sample.name] = values.get(sample.name, 0.0) + sample.value
    if not values:
        raise NotPrometheusError("none of the series is there")
    return {name: value for name, value in values.items() if math.isfinite(value)}


def chosen_of(text: str) -> tuple[Wanted, ...]:
    """What is worth drawing of whatever a server tells: process figures, then connections, then messages.

    Counters as rates, gauges as they are; histograms and summaries not. None where no name says that it is of those.
    NotPrometheusError where nothing in the text is in the format.
    """
    check(text)
    told = frozenset(found["name"] for line in text.splitlines() if (found := _LINE.match(line)) is not None)
    known = {str(each): each for family in _families(text, None) for each in _of_family(family, told)}
    chosen = [each for each in _WELL_KNOWN if str(each) in known]
    for pattern in (_OF_CONNECTIONS, _OF_MESSAGES):
        chosen += [each for each in known.values() if pattern.search(each.name) and each not in chosen]
    return tuple(chosen[:MOST_SERIES])


def check(text: str) -> None:
    """NotPrometheusError where nothing in a text is in the format."""
    if not any(_SAMPLE.fullmatch(line) for line in text.splitlines()):
        raise NotPrometheusError("nothing in it is in Prometheus' text format")


def _of_family(family: Metric, told: Set[str]) -> Sequence[Wanted]:
    """``told``: all names that the server tells."""
    if len(family.samples) > _MOST_SAMPLES:
        return ()
    names = dict.fromkeys(sample.name for sample in family.samples if not sample.name.endswith("_created"))
    match family.type:
        case "counter":
            # The library calls each counter x_total, whatever the server calls it, which may have no sample of it yet.
            own = [name if name in told else name.removesuffix("_total") for name in names or [f"{family.name}_total"]]
            return [Wanted(name, is_rate=True) for name in own]
        case "gauge":
            return [Wanted(name) for name in names or [family.name]]
        case "unknown":
            return [Wanted(name, is_rate=name.endswith("_total")) for name in names]
        case _:
            return ()


def _families(text: str, names: frozenset[str] | None) -> Iterable[Metric]:
    """Those of ``names``; of None, all that might be chosen."""
    try:
        yield from text_string_to_metric_families("".join(_lines(text, names)))
    except (ValueError, IndexError, KeyError) as error:
        raise NotPrometheusError(f"a line is not in Prometheus' text format: {error}") from error


def _lines(text: str, names: frozenset[str] | None) -> Iterable[str]:
    if names is not None:
        # One search for all of them: for 3 MB of other lines half of the 43 ms that a look at each takes. Without their
        # types, by which the library would call a counter otherwise.
        wanted = "|".join(map(re.escape, sorted(names)))
        for found in re.finditer(rf"^(?:{wanted})(?![a-zA-Z0-9_:]).*$", text, re.MULTILINE):
            yield f"{found[0]}\n"
        return
    for line in text.splitlines():
        named = _LINE.match(line)
        if named is not None and _might_be_chosen(named["name"]):
            yield f"{line}\n"


def _might_be_chosen(name: str) -> bool:
    return (
        any(name == each.name for each in _WELL_KNOWN)
        or _OF_CONNECTIONS.search(name) is not None
        or _OF_MESSAGES.search(name) is not None
    )
