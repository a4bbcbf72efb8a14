"""What was counted and read, as plain data that goes from machine to machine, and back.

Coordinator and workers of one host pickle (engine/wire.py); across hosts the other end is not trusted with that. So it
goes as dictionaries with text keys, lists, texts, bytes and whole numbers, which msgpack carries, and what comes in is
checked: ValueError says in one line where something is not what it should be, and what. Tallies are in plain_tally.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from loadgen.measure import checked, marker
from loadgen.measure.histogram import HIGHEST_NS
from loadgen.measure.news import News
from loadgen.measure.nodes import MOVE_BYTES
from loadgen.measure.packing import packed, unpacked
from loadgen.measure.record import MachineReading, Reading
from loadgen.measure.spread import Spreads

Int64s = npt.NDArray[np.int64]

_NEVER_NS = np.iinfo(np.int64).max
# What a report says of messages: 2 million spreads, or 900,000 markers.
_MOST_BYTES = 64 * 1024 * 1024

_SPREAD_COLUMNS = 5
_SPREAD_BYTES = _SPREAD_COLUMNS * 8
# More than the stages, incidents and classes of rooms of any scenario can be combined to.
_MOST_CELLS = 2**20

_NUMBER_WIDTH = 16
_MARKER = rb"cbm[0-9a-f]{%d}" % (marker.WIDTH - len(b"cbm"))
_SENT = re.compile(_MARKER)
_ACKED = re.compile(rb"%b[0-9a-f]{%d}" % (_MARKER, _NUMBER_WIDTH))


def spreads_to_plain(spreads: Spreads) -> dict[str, Any]:
    """The rows, packed column by column: what is alike lies together."""
    return {"rows": packed(spreads.rows.T.astype("<i8").tobytes())}


def spreads_from_plain(data: object) -> Spreads:
    """The spreads that were made into ``data``; ValueError where none were."""
    where = "spreads.rows"
    content = unpacked(checked.fields(data, "spreads", "rows")["rows"], _MOST_BYTES, where)
    if len(content) % _SPREAD_BYTES:
        raise ValueError(f"{where}: expected rows of {_SPREAD_BYTES} bytes, got {len(content)} bytes")
    rows = np.frombuffer(content, "<i8").reshape(_SPREAD_COLUMNS, -1).T.astype(np.int64)
    _check_spreads(rows, where)
    return Spreads(rows)


def news_to_plain(news: News) -> dict[str, Any]:
    """The markers and the moves, packed."""
    return {"sent": packed(news.sent), "acked": packed(news.acked), "moves": packed(news.moves)}


def news_from_plain(data: object) -> News:
    """The news that were made into ``data``, every marker sound; ValueError where none were."""
    fields = checked.fields(data, "news", "sent", "acked", "moves")
    sent = unpacked(fields["sent"], _MOST_BYTES, "news.sent")
    acked = unpacked(fields["acked"], _MOST_BYTES, "news.acked")
    _check_markers(sent, _SENT, marker.WIDTH, "news.sent")
    _check_markers(acked, _ACKED, marker.WIDTH + _NUMBER_WIDTH, "news.acked")
    moves = unpacked(fields["moves"], _MOST_BYTES, "news.moves")
    if len(moves) % MOVE_BYTES:
        raise ValueError(f"news.moves: expected records of {MOVE_BYTES} bytes, got {len(moves)} bytes")
    return News(sent, acked, moves)


def reading_to_plain(reading: Reading) -> dict[str, Any]:
    """The reading, field by field."""
    return asdict(reading)


def reading_from_plain(data: object) -> Reading:
    """The reading that was made into ``data``; ValueError where none was."""
    where = "reading"
    fields = checked.fields(data, where, "at_ns", "cpu_ns", "rss_bytes", "descriptor_count")
    return Reading(
        at_ns=checked.integer(fields["at_ns"], f"{where}.at_ns", 0, checked.LATEST_NS),
        cpu_ns=checked.integer(fields["cpu_ns"], f"{where}.cpu_ns"),
        rss_bytes=checked.integer(fields["rss_bytes"], f"{where}.rss_bytes"),
        descriptor_count=checked.integer_or_none(fields["descriptor_count"], f"{where}.descriptor_count"),
    )


def machine_reading_to_plain(reading: MachineReading) -> dict[str, Any]:
    """The reading, field by field."""
    return asdict(reading)


def machine_reading_from_plain(data: object) -> MachineReading:
    """The reading that was made into ``data``; ValueError where none was."""
    where = "machine_reading"
    fields = checked.fields(
        data, where, "at_ns", "busy_ns", "interrupt_ns", "core_count", "socket_memory_bytes", "sockets_in_use"
    )
    return MachineReading(
        at_ns=checked.integer(fields["at_ns"], f"{where}.at_ns", 0, checked.LATEST_NS),
        busy_ns=checked.integer(fields["busy_ns"], f"{where}.busy_ns"),
        interrupt_ns=checked.integer(fields["interrupt_ns"], f"{where}.interrupt_ns"),
        core_count=checked.integer(fields["core_count"], f"{where}.core_count", 1),
        socket_memory_bytes=checked.integer_or_none(fields["socket_memory_bytes"], f"{where}.socket_memory_bytes"),
        sockets_in_use=checked.integer_or_none(fields["sockets_in_use"], f"{where}.sockets_in_use"),
    )


def _check_spreads(rows: Int64s, where: str) -> None:
    key, due_ns, first_ns, last_ns, cell = rows.T
    nobody = (first_ns == _NEVER_NS) & (last_ns == -1)
    somebody = (first_ns >= 0) & (first_ns <= last_ns) & (last_ns <= checked.LATEST_NS)
    # Only where the two before hold is the difference an int64.
    in_time = last_ns - due_ns <= HIGHEST_NS
    sound = (key >= 0) & (due_ns >= 0) & (due_ns <= checked.LATEST_NS) & (nobody | (somebody & in_time))
    sound &= (cell >= 0) & (cell < _MOST_CELLS)
    if not sound.all():
        row = rows[np.flatnonzero(~sound)[0]].tolist()
        raise ValueError(f"{where}: expected key, due, first and last arrival, and cell of a message, got {row}")


def _check_markers(content: bytes, form: re.Pattern[bytes], width: int, where: str) -> None:
    for at in range(0, len(content), width):
        record = content[at : at + width]
        stamp = marker.read(record[: marker.WIDTH]) if form.fullmatch(record) else None
        if stamp is None or stamp.sent_ns > checked.LATEST_NS:
            raise ValueError(f"{where}: expected sound markers, {width} bytes each, got {record!r}")
