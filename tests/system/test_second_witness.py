"""Whole runs beside a second count of the wire between generator and server, which does wrong on purpose."""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.benches import FAST_SERVER, RELAY_DIALECT, books_close, chatbench, document_in
from tests.support.programs import listening
from tests.support.recount import (
    MS,
    QUANTILES,
    Fate,
    Protocol,
    S,
    WireLog,
    counters_of,
    exact_ns,
    fates_of,
    in_seconds,
    message_in,
    times_ns_of,
)
from tests.support.server_process import server_process
from tests.support.wire_witness import Deed, Deeds, wire_witness

pytestmark = pytest.mark.system

DEADLINE_NS = 300 * MS
TIMES = ("--warmup", "300ms", "--duration", "2500ms", "--drain", "2s", "--deadline", "300ms")
LOAD = ("--users", "30", "--rate", "60", "--connect-rate", "500")
UNDRAWN = ("--quiet", "--no-plots", "--no-html", "--out", "run")
# Frames are noted before they are handed over, and seen when the generator gets round to it. Its machine may be busy.
SOONER_NS, LATER_NS = 1 * MS, 400 * MS
TIMED = (
    *("delivery_time", "delivery_service_time", "first_delivery_time", "last_delivery_time"),
    *("fanout_time", "ack_time"),
)


def _of_json(what: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], Any]:
    def found(frame: bytes) -> Any:
        told = json.loads(frame)
        return what(told) if isinstance(told, dict) else None

    return found


def _user_of_token(request: bytes) -> int:
    found = re.search(rb"token=[^.]*[.]([^.]*)[.]", request)
    assert found is not None, request
    return int(json.loads(base64.urlsafe_b64decode(found[1] + b"=="))["sub"].removeprefix("user-")) - 1


def _user_of_name(request: bytes) -> int:
    found = re.search(rb"name=user-([0-9]+)", request)
    assert found is not None, request
    return int(found[1]) - 1


RELAY = Protocol(
    user_of=_user_of_name,
    joined=lambda frame: frame[7:].decode() if frame.startswith(b"JOINED ") else None,
    room_of=lambda _: None,
    id_of=lambda frame: frame.split(b" ")[1],
    acked=lambda frame: frame[4:] if frame.startswith(b"ACK ") else None,
)
ROOMS = Protocol(
    user_of=_user_of_token,
    joined=_of_json(lambda told: told["room"] if told["type"] == "joined" else None),
    room_of=_of_json(lambda said: said.get("room")),
    id_of=_of_json(lambda said: said["id"].encode()),
    acked=_of_json(lambda told: told["id"].encode() if told["type"] == "ack" else None),
    number_in_room=_of_json(lambda told: told.get("seq") if told["type"] == "message" else None),
)


def mischief(seed: int) -> Deeds:
    """Of a hundred deliveries two each are dropped, doubled, swapped with the next, and held up with what follows."""
    rng = random.Random(seed)

    def deed(_: int, frame: bytes) -> Deed:
        if message_in(frame) is None:
            return Deed()
        number = rng.randrange(100)
        if number < 2:
            return Deed(copies=0)
        if number < 4:
            return Deed(copies=2)
        return Deed(swapped=4 <= number < 6, delay_s=0.45 if 6 <= number < 8 else 0.0)

    return deed


@dataclass(frozen=True, slots=True)
class Both:
    """The document of a run, and what the wire has seen of it."""

    document: dict[str, Any]
    log: WireLog
    fates: list[Fate]
    """Of all messages."""

    @property
    def origin_ns(self) -> int:
        """When the run began: the document tells of each example when it was due since then, and its marker when."""
        due_ns = {(fate.message.sender, fate.message.sequence): fate.message.due_ns for fate in self.fates}
        (origin_ns,) = {
            due_ns[each["sender"], each["n"]] - round(each["due_s"] * S) for each in self.document["examples"]
        }
        return int(origin_ns)

    @property
    def measured(self) -> list[Fate]:
        """Of the messages due in the measured window."""
        (start_s,) = (phase["start_s"] for phase in self.document["phases"] if phase["name"] == "measure")
        start_ns = self.origin_ns + round(start_s * S)
        end_ns = start_ns + round(self.document["rates"]["window_s"] * S)
        return [fate for fate in self.fates if start_ns <= fate.message.due_ns < end_ns]


def both_of(target_url: str, protocol: Protocol, cwd: Path, *arguments: str, seed: int = 1) -> Both:
    """Carry out a run through the wire to a server."""
    with wire_witness(target_url, mischief(seed)) as log:
        ended = chatbench(*arguments, "--target", log.url, "--seed", str(seed), *UNDRAWN, cwd=cwd)
    # Late as it may have been, what is counted is the same.
    assert ended.returncode in (0, 97, 99), ended.stderr
    return Both(document_in(cwd / "run"), log, list(fates_of(log, protocol, DEADLINE_NS).values()))


@pytest.fixture(scope="module", params=["one room each, two processes", "rooms and direct messages, three processes"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    cwd = tmp_path_factory.mktemp("both")
    if "two" in request.param:
        with listening(FAST_SERVER) as relay:
            flags = ("--rooms", "4", "--processes", "2", "--dialect", RELAY_DIALECT)
            yield both_of(relay.url, RELAY, cwd, "run", "smoke", *flags, *LOAD, *TIMES)
        return
    (cwd / "mine.toml").write_text(
        'users.rooms = { shape = "zipf", count = 5, exponent = 1.0 }\ntraffic.mix = { message = 0.7, direct = 0.3 }\n'
    )
    with server_process("--accounts", "30", "--lift-limits") as server:
        how = ("--processes", "3", "--transport", "websockets")
        yield both_of(server.url, ROOMS, cwd, "run", "mine.toml", *how, *LOAD, *TIMES)


def test_every_counter_is_what_the_wire_says(both: Both) -> None:
    """To the delivery; but for what came within a moment of the deadline."""
    counters, again = both.document["counters"], counters_of(both.measured, DEADLINE_NS)
    surely = counters_of(both.measured, DEADLINE_NS)["deliveries_late"]
    perhaps = counters_of(both.measured, max(0, DEADLINE_NS - LATER_NS))["deliveries_late"]
    del again["deliveries_late"]

    assert {name: counters[name] for name in again} == again
    assert surely <= counters["deliveries_late"] <= perhaps
    for name in ("lost", "duplicated", "reordered", "late"):
        assert counters[f"deliveries_{name}"] > 0, name
    assert counters["connections_opened"] == len(both.log.sockets) == 30
    assert books_close(both.document)


def test_every_time_is_what_the_wire_says(both: Both) -> None:
    """Never sooner, and later by no more than it takes to read it; of lateness, which the marker tells, exactly."""
    metrics, times_ns = both.document["metrics"], times_ns_of(both.measured)

    for name in TIMED:
        metric, values_ns = metrics[name], times_ns[name]
        assert metric["count"] == len(values_ns) > 0, name
        # Of what lies between two receivers, either may have been read late.
        sooner_ns = LATER_NS if name == "fanout_time" else SOONER_NS
        figures = {quantile: exact_ns(values_ns, q) for quantile, q in QUANTILES.items()}
        figures |= {"min": min(values_ns), "mean": round(sum(values_ns) / len(values_ns)), "max": max(values_ns)}
        for figure, exact in figures.items():
            assert (metric[figure] is None) == (exact is None), (name, figure)
            if exact is not None:
                assert exact - sooner_ns <= metric[figure] * MS <= exact * 1.001 + LATER_NS, (name, figure)
    lateness_ns = times_ns["send_lateness"]
    assert metrics["send_lateness"]["count"] == len(lateness_ns)
    assert round(metrics["send_lateness"]["max"] * MS) == max(lateness_ns)
    assert metrics["send_lateness"]["mean"] * MS == pytest.approx(sum(lateness_ns) / len(lateness_ns))


def test_rates_and_seconds_are_what_the_wire_says(both: Both) -> None:
    """Of messages to the second; of deliveries as many in all, and no more than a moment's on the other side of one."""
    series, rates = both.document["series"], both.document["rates"]
    length, origin_ns = len(series["t_s"]), both.origin_ns
    again = counters_of(both.measured, DEADLINE_NS)

    for name in ("messages_sent", "deliveries_expected", "deliveries_received"):
        assert rates[f"{name}_per_s"] == pytest.approx(again[name] / rates["window_s"])
    messages = [fate.message for fate in both.fates]
    assert series["messages_sent"] == in_seconds([each.sent_ns for each in messages], origin_ns, length)
    assert series["messages_due"] == in_seconds([each.due_ns for each in messages], origin_ns, length)
    received_ns = [at_ns for fate in both.fates for at_ns in fate.received_ns.values()]
    in_time = in_seconds(received_ns, origin_ns, length)
    later = in_seconds([at_ns + LATER_NS for at_ns in received_ns], origin_ns, length)
    so_far, least, most = 0, 0, 0
    for count, latest, soonest in zip(series["deliveries_received"], later, in_time, strict=True):
        so_far, least, most = so_far + count, least + latest, most + soonest
        assert least <= so_far <= most
    assert so_far == len(received_ns)


def test_frames_and_bytes_are_those_of_the_wire(both: Both) -> None:
    """Payloads of the measured window; a few frames on either of its edges may have been read a moment later."""
    counters = both.document["counters"]
    (window,) = (phase for phase in both.document["phases"] if phase["name"] == "measure")
    start_ns, end_ns = (both.origin_ns + round(window[edge] * S) for edge in ("start_s", "end_s"))

    for way, name in (("to_client", "received"), ("to_server", "sent")):
        frames = [frame for frame in both.log.frames if frame.way == way and frame.opcode < 8]
        inside = [frame for frame in frames if start_ns + LATER_NS <= frame.at_ns < end_ns - LATER_NS]
        around = [frame for frame in frames if start_ns - LATER_NS <= frame.at_ns < end_ns + LATER_NS]
        assert len(inside) <= counters[f"frames_{name}"] <= len(around)
        in_bytes = [sum(len(frame.payload) for frame in some) for some in (inside, around)]
        assert in_bytes[0] <= counters[f"bytes_{name}"] <= in_bytes[1]
