"""What was counted and read, as plain data that goes from machine to machine, and back.

Coordinator and workers of one host pickle (engine/wire.py); across hosts the other end is not trusted with that. So it
goes as dictionaries with text keys, lists, texts, bytes and whole numbers, which msgpack carries, and what comes in is
checked: ValueError says in one line where something is not what it should be, and what.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from reprlib import repr as short
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from loadgen.errors import ErrorKind
from loadgen.measure import marker
from loadgen.measure.closes import Close, Closer, count_close
from loadgen.measure.examples import Example, Examples, Fault
from loadgen.measure.histogram import COARSE, FINE, HIGHEST_NS, Histogram, State, bucket_of
from loadgen.measure.incident_tally import IncidentTally
from loadgen.measure.news import News
from loadgen.measure.nodes import MOVE_BYTES
from loadgen.measure.record import MachineReading, Reading
from loadgen.measure.slice_tally import SliceTally
from loadgen.measure.spread import Spreads
from loadgen.measure.tally import Count, ErrorCount, Metric, Note, PerSecond, Tally
from loadgen.plan.slices import SliceKind

Int64s = npt.NDArray[np.int64]
_Name = TypeVar("_Name", bound=StrEnum)

_HIGHEST = 2**63 - 1
# 146 years: the difference of two such instants is an int64 as well.
_LATEST_NS = 2**62
_HIGHEST_32 = 2**32 - 1
_NEVER_NS = np.iinfo(np.int64).max

# Reports come each second: nobody has a quarter of an hour of them to tell.
_MOST_ROWS = 1_000
# A month, before or after the origin: the series has a place for each second up to the last.
_FARTHEST_S = 31 * 24 * 3600
# What a report says of messages: 2 million spreads, or 900,000 markers.
_MOST_BYTES = 64 * 1024 * 1024
_MOST_CHARACTERS = 300

_COUNTERS: dict[str, Count | Note] = {name.value: name for name in (*Count, *Note)}
# A report may take back what an earlier one has planned: the connection of somebody who gave up.
_MAY_SHRINK = frozenset({Count.CONNECTIONS_PLANNED})

# All that the durations of a histogram can add up to.
_SUM_BYTES = 16
_COUNT_WIDTHS = (1, 2, 4, 8)
_MOST_COUNT_BYTES = 8 * (int(bucket_of(np.array([HIGHEST_NS]), FINE)[0]) + 1)

_SPREAD_COLUMNS = 5
_SPREAD_BYTES = _SPREAD_COLUMNS * 8
# More than the stages, incidents and classes of rooms of any scenario can be combined to.
_MOST_CELLS = 2**20
_SLICE = re.compile(rf"(?:{'|'.join(SliceKind)}): [a-z0-9]{{1,20}}")
_MOST_INCIDENTS = 1_000
_NUMBER_WIDTH = 16
_MARKER = rb"cbm[0-9a-f]{%d}" % (marker.WIDTH - len(b"cbm"))
_SENT = re.compile(_MARKER)
_ACKED = re.compile(rb"%b[0-9a-f]{%d}" % (_MARKER, _NUMBER_WIDTH))

# What is shorter is mostly not made shorter by zlib.
_WORTH_PACKING_BYTES = 32
# A typical second takes a third of the time of zlib's default level, and 15 % more bytes.
_PACKING_LEVEL = 1


def tally_to_plain(tally: Tally) -> dict[str, Any]:
    """The tally; a metric without a value, in all or in one second, is left out."""
    metric_seconds: dict[str, list[Any]] = {}
    for (metric, second), histogram in tally.metric_seconds.items():
        if (state := histogram.state()) is not None:
            metric_seconds.setdefault(metric.value, []).append([second, _histogram_to_plain(state)])
    return {
        "origin_ns": tally.origin_ns,
        "counts": _counts_to_plain(tally.counts),
        "metrics": {
            metric.value: _histogram_to_plain(state)
            for metric, histogram in tally.metrics.items()
            if (state := histogram.state()) is not None
        },
        "errors": [
            # A server's words may hold half a surrogate pair, which UTF-8 cannot.
            [kind.value, phase, error.count, error.example.encode(errors="replace").decode()]
            for (kind, phase), error in tally.errors.items()
        ],
        "seconds": [[second, _counts_to_plain(counts)] for second, counts in tally.seconds.items()],
        "metric_seconds": metric_seconds,
        "incidents": [[number, *_incident_to_plain(incident)] for number, incident in tally.incidents.items()],
        "slices": [[name, *_slice_to_plain(part)] for name, part in tally.slices.items()],
        "closes": [[*close, count] for close, count in tally.closes.items()],
        "examples": [[fault.value, *example] for fault in Fault for example in tally.examples.of(fault)],
    }


def tally_from_plain(data: object) -> Tally:
    """The tally that was made into ``data``; ValueError where none was."""
    parts = ("counts", "metrics", "errors", "seconds", "metric_seconds", "incidents", "slices", "closes", "examples")
    fields = _fields(data, "tally", "origin_ns", *parts)
    tally = Tally(_int(fields["origin_ns"], "tally.origin_ns", -_LATEST_NS, _LATEST_NS))
    tally.counts = _counts_from_plain(fields["counts"], "tally.counts")
    for name, histogram in _items(fields["metrics"], "tally.metrics"):
        metric = _member(Metric, name, "tally.metrics")
        tally.metrics[metric] = _histogram_from_plain(histogram, FINE, f"tally.metrics.{metric}")
    for kind, phase, count, example in _rows(fields["errors"], 4, where := "tally.errors"):
        key = _member(ErrorKind, kind, where), _text(phase, where)
        tally.errors[key] = ErrorCount(_int(count, where, 1), _text(example, where))
    for second, events in _rows(fields["seconds"], 2, where := "tally.seconds"):
        tally.seconds[_second(second, where)] = Counter(
            {_member(PerSecond, event, where): _int(count, where) for event, count in _items(events, where)}
        )
    for name, rows in _items(fields["metric_seconds"], "tally.metric_seconds"):
        metric = _member(Metric, name, "tally.metric_seconds")
        for second, histogram in _rows(rows, 2, where := f"tally.metric_seconds.{metric}"):
            place = metric, _second(second, where)
            tally.metric_seconds[place] = _histogram_from_plain(histogram, COARSE, where)
    for number, *row in _rows(fields["incidents"], 7, where := "tally.incidents"):
        tally.incidents[_int(number, where, 0, _MOST_INCIDENTS)] = _incident_from_plain(row, where)
    for name, counts, metrics in _rows(fields["slices"], 3, where := "tally.slices"):
        if not _SLICE.fullmatch(_text(name, where)):
            raise _unexpected(name, "the name of a slice", where)
        tally.slices[name] = _slice_from_plain(counts, metrics, f"{where}.{name}")
    for code, phase, who, count in _rows(fields["closes"], 4, where := "tally.closes"):
        close = Close(_int(code, where, 0, 0xFFFF), _text(phase, where), _member(Closer, who, where))
        count_close(tally.closes, close, _int(count, where, 1))
    tally.examples = _examples_from_plain(fields["examples"], "tally.examples")
    return tally


def spreads_to_plain(spreads: Spreads) -> dict[str, Any]:
    """The rows, packed column by column: what is alike lies together."""
    return {"rows": _packed(spreads.rows.T.astype("<i8").tobytes())}


def spreads_from_plain(data: object) -> Spreads:
    """The spreads that were made into ``data``; ValueError where none were."""
    where = "spreads.rows"
    content = _unpacked(_fields(data, "spreads", "rows")["rows"], _MOST_BYTES, where)
    if len(content) % _SPREAD_BYTES:
        raise ValueError(f"{where}: expected rows of {_SPREAD_BYTES} bytes, got {len(content)} bytes")
    rows = np.frombuffer(content, "<i8").reshape(_SPREAD_COLUMNS, -1).T.astype(np.int64)
    _check_spreads(rows, where)
    return Spreads(rows)


def news_to_plain(news: News) -> dict[str, Any]:
    """The markers and the moves, packed."""
    return {"sent": _packed(news.sent), "acked": _packed(news.acked), "moves": _packed(news.moves)}


def news_from_plain(data: object) -> News:
    """The news that were made into ``data``, every marker sound; ValueError where none were."""
    fields = _fields(data, "news", "sent", "acked", "moves")
    sent = _unpacked(fields["sent"], _MOST_BYTES, "news.sent")
    acked = _unpacked(fields["acked"], _MOST_BYTES, "news.acked")
    _check_markers(sent, _SENT, marker.WIDTH, "news.sent")
    _check_markers(acked, _ACKED, marker.WIDTH + _NUMBER_WIDTH, "news.acked")
    moves = _unpacked(fields["moves"], _MOST_BYTES, "news.moves")
    if len(moves) % MOVE_BYTES:
        raise ValueError(f"news.moves: expected records of {MOVE_BYTES} bytes, got {len(moves)} bytes")
    return News(sent, acked, moves)


def reading_to_plain(reading: Reading) -> dict[str, Any]:
    """The reading, field by field."""
    return asdict(reading)


def reading_from_plain(data: object) -> Reading:
    """The reading that was made into ``data``; ValueError where none was."""
    where = "reading"
    fields = _fields(data, where, "at_ns", "cpu_ns", "rss_bytes", "descriptor_count")
    return Reading(
        at_ns=_int(fields["at_ns"], f"{where}.at_ns", 0, _LATEST_NS),
        cpu_ns=_int(fields["cpu_ns"], f"{where}.cpu_ns"),
        rss_bytes=_int(fields["rss_bytes"], f"{where}.rss_bytes"),
        descriptor_count=_int_or_none(fields["descriptor_count"], f"{where}.descriptor_count"),
    )


def machine_reading_to_plain(reading: MachineReading) -> dict[str, Any]:
    """The reading, field by field."""
    return asdict(reading)


def machine_reading_from_plain(data: object) -> MachineReading:
    """The reading that was made into ``data``; ValueError where none was."""
    where = "machine_reading"
    fields = _fields(
        data, where, "at_ns", "busy_ns", "interrupt_ns", "core_count", "socket_memory_bytes", "sockets_in_use"
    )
    return MachineReading(
        at_ns=_int(fields["at_ns"], f"{where}.at_ns", 0, _LATEST_NS),
        busy_ns=_int(fields["busy_ns"], f"{where}.busy_ns"),
        interrupt_ns=_int(fields["interrupt_ns"], f"{where}.interrupt_ns"),
        core_count=_int(fields["core_count"], f"{where}.core_count", 1),
        socket_memory_bytes=_int_or_none(fields["socket_memory_bytes"], f"{where}.socket_memory_bytes"),
        sockets_in_use=_int_or_none(fields["sockets_in_use"], f"{where}.sockets_in_use"),
    )


# --- parts of a tally -----------------------------------------------------------------------------------------


def _counts_to_plain(counts: Mapping[str, int]) -> dict[str, int]:
    return {str(name): number for name, number in counts.items()}


def _counts_from_plain(data: object, where: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name, number in _items(data, where):
        counter = _COUNTERS.get(name)
        if counter is None:
            raise ValueError(f"{where}: no such counter: {short(name)}")
        counts[counter] = _int(number, f"{where}.{counter}", -_HIGHEST if counter in _MAY_SHRINK else 0)
    return counts


def _incident_to_plain(incident: IncidentTally) -> list[Any]:
    """[hit, missed, recovered, close codes, times of coming back, times of closes]; None where there are no times."""
    states = [histogram.state() for histogram in (incident.back, incident.closed)]
    return [
        incident.hit_count,
        incident.missed_count,
        incident.recovered_count,
        [[code, count] for code, count in incident.closes.items()],
        *(None if state is None else _histogram_to_plain(state) for state in states),
    ]


def _incident_from_plain(row: Sequence[object], where: str) -> IncidentTally:
    hit, missed, recovered, closes, *times = row
    back, closed = (Histogram() if each is None else _histogram_from_plain(each, FINE, where) for each in times)
    codes = {_int(code, where, 0, 0xFFFF): _int(count, where, 1) for code, count in _rows(closes, 2, where)}
    return IncidentTally(_int(hit, where), back, closed, Counter(codes), _int(missed, where), _int(recovered, where))


def _slice_to_plain(part: SliceTally) -> list[Any]:
    """[counters, metrics]; a metric without a value is left out."""
    states = {name: histogram.state() for name, histogram in part.metrics.items()}
    metrics = {str(name): _histogram_to_plain(state) for name, state in states.items() if state is not None}
    return [_counts_to_plain(part.counts), metrics]


def _slice_from_plain(counts: object, metrics: object, where: str) -> SliceTally:
    part = SliceTally(_counts_from_plain(counts, where))
    for name, histogram in _items(metrics, where):
        metric = _member(Metric, name, where)
        part.metrics[metric] = _histogram_from_plain(histogram, FINE, f"{where}.{metric}")
    return part


def _examples_from_plain(data: object, where: str) -> Examples:
    examples = Examples()
    for fault, *times, sender, sequence, receiver, room, received_ns, acked, was_seen, seen_ns in _rows(
        data, 11, where
    ):
        sent_ns, due_ns = (_int(time_ns, where, -_LATEST_NS, _LATEST_NS) for time_ns in times)
        example = Example(
            sent_ns=sent_ns,
            due_ns=due_ns,
            sender=_int(sender, where, 0, _HIGHEST_32),
            sequence=_int(sequence, where, 0, _HIGHEST_32),
            receiver=_int(receiver, where, 0, _HIGHEST_32),
            room=_int_or_none(room, where),
            received_ns=_int_or_none(received_ns, where),
            acked=_truth(acked, where) is True,
            was_seen=_truth(was_seen, where),
            seen_ns=_int_or_none(seen_ns, where),
        )
        examples.keep(_member(Fault, fault, where), example)
    return examples


def _histogram_to_plain(state: State) -> list[Any]:
    """[min_ns, max_ns, sum of all as bytes, bytes a count, packed counts]."""
    highest = int(state.counts.max())
    width = next(width for width in _COUNT_WIDTHS if highest < 1 << 8 * width)
    counts = state.counts.astype(f"<u{width}").tobytes()
    return [state.min_ns, state.max_ns, state.sum_ns.to_bytes(_SUM_BYTES, "little"), width, _packed(counts)]


def _histogram_from_plain(data: object, bits: int, where: str) -> Histogram:
    min_ns, max_ns, total, width, packed = _row(data, 5, where)
    width, total = _int(width, where), _bytes(total, where)
    content = _unpacked(packed, _MOST_COUNT_BYTES, where)
    if width not in _COUNT_WIDTHS or len(content) % width or len(total) != _SUM_BYTES:
        raise ValueError(f"{where}: {len(content)} bytes of counts of {width}, and a sum of {len(total)} bytes")
    state = State(
        counts=np.frombuffer(content, f"<u{width}").astype(np.int64),
        sum_ns=int.from_bytes(total, "little"),
        min_ns=_int(min_ns, where),
        max_ns=_int(max_ns, where),
    )
    try:
        return Histogram.restored(state, bits)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _second(data: object, where: str) -> int:
    return _int(data, where, -_FARTHEST_S, _FARTHEST_S)


# --- arrays ---------------------------------------------------------------------------------------------------


def _check_spreads(rows: Int64s, where: str) -> None:
    key, due_ns, first_ns, last_ns, cell = rows.T
    nobody = (first_ns == _NEVER_NS) & (last_ns == -1)
    somebody = (first_ns >= 0) & (first_ns <= last_ns) & (last_ns <= _LATEST_NS)
    # Only where the two before hold is the difference an int64.
    in_time = last_ns - due_ns <= HIGHEST_NS
    sound = (key >= 0) & (due_ns >= 0) & (due_ns <= _LATEST_NS) & (nobody | (somebody & in_time))
    sound &= (cell >= 0) & (cell < _MOST_CELLS)
    if not sound.all():
        row = rows[np.flatnonzero(~sound)[0]].tolist()
        raise ValueError(f"{where}: expected key, due, first and last arrival, and cell of a message, got {row}")


def _check_markers(content: bytes, form: re.Pattern[bytes], width: int, where: str) -> None:
    for at in range(0, len(content), width):
        record = content[at : at + width]
        stamp = marker.read(record[: marker.WIDTH]) if form.fullmatch(record) else None
        if stamp is None or stamp.sent_ns > _LATEST_NS:
            raise ValueError(f"{where}: expected sound markers, {width} bytes each, got {record!r}")


def _packed(content: bytes) -> list[Any]:
    """[size, content]; by zlib where that is shorter."""
    if len(content) < _WORTH_PACKING_BYTES:
        return [len(content), content]
    return [len(content), min(content, zlib.compress(content, _PACKING_LEVEL), key=len)]


def _unpacked(data: object, most_bytes: int, where: str) -> bytes:
    size, packed = _row(data, 2, where)
    size, packed = _int(size, where, 0, most_bytes), _bytes(packed, where)
    if len(packed) == size:
        return packed
    inflater = zlib.decompressobj()
    try:
        # One byte more than there should be, so that what is too long is known and not unpacked.
        content = inflater.decompress(packed, size + 1)
    except zlib.error as error:
        raise ValueError(f"{where}: {error}") from None
    if len(content) != size or not inflater.eof or inflater.unused_data:
        raise ValueError(f"{where}: expected {size} bytes, packed; these are more or fewer")
    return content


# --- what everything is made of -------------------------------------------------------------------------------


def _fields(data: object, where: str, *names: str) -> dict[str, object]:
    fields = dict(_items(data, where))
    if fields.keys() != set(names):
        raise ValueError(f"{where}: expected {', '.join(names)}, got {short(sorted(fields))}")
    return fields


def _items(data: object, where: str) -> Iterator[tuple[str, object]]:
    if not isinstance(data, dict):
        raise _unexpected(data, "a dictionary", where)
    for name, value in data.items():
        if not isinstance(name, str):
            raise _unexpected(name, "a name", where)
        yield name, value


def _rows(data: object, width: int, where: str) -> Iterator[list[Any]]:
    if not isinstance(data, list) or len(data) > _MOST_ROWS:
        raise _unexpected(data, f"a list of at most {_MOST_ROWS} rows", where)
    for row in data:
        yield _row(row, width, where)


def _row(data: object, width: int, where: str) -> list[Any]:
    if not isinstance(data, list) or len(data) != width:
        raise _unexpected(data, f"a list of {width}", where)
    return data


def _member(names: type[_Name], data: object, where: str) -> _Name:
    try:
        return names(_text(data, where))
    except ValueError:
        raise ValueError(f"{where}: no such {names.__name__}: {short(data)}") from None


def _text(data: object, where: str) -> str:
    if not isinstance(data, str) or len(data) > _MOST_CHARACTERS:
        raise _unexpected(data, f"a text of at most {_MOST_CHARACTERS} characters", where)
    return data


def _bytes(data: object, where: str) -> bytes:
    if not isinstance(data, bytes):
        raise _unexpected(data, "bytes", where)
    return data


def _truth(data: object, where: str) -> bool | None:
    if data is not None and not isinstance(data, bool):
        raise _unexpected(data, "true, false or nothing", where)
    return data


def _int_or_none(data: object, where: str) -> int | None:
    return None if data is None else _int(data, where)


def _int(data: object, where: str, lowest: int = 0, highest: int = _HIGHEST) -> int:
    # Of whole numbers bool is one, for Python.
    if not isinstance(data, int) or isinstance(data, bool) or not lowest <= data <= highest:
        raise _unexpected(data, f"a whole number from {lowest} to {highest}", where)
    return data


def _unexpected(data: object, wanted: str, where: str) -> ValueError:
    return ValueError(f"{where}: expected {wanted}, got {short(data)}")
