"""A server that means harm costs us neither our memory nor our evening, and changes no figure in its favour."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from loadgen.measure import marker
from tests.support.benches import FEW, GENERATOR_DOUBTS, at, bench, errors_of, fatal_doubts_of
from tests.support.forgery import forged
from tests.support.patience import PATIENCE_S
from tests.support.raw_websocket import PING, TEXT, accepting, frame
from tests.support.rude_servers import forging_server, frames_of, pouring_server, request_of, talking_server

pytestmark = [pytest.mark.system, pytest.mark.faults]

SHORT = (*FEW, "--duration", "1s", "--drain", "200ms")

# What a worker needs is 60 MB; without a bound it was 1 GB after four seconds.
MOST_BYTES = 300e6


@pytest.mark.parametrize(
    ("dialect", "chunk", "flags"),
    [
        ("echo", frame(PING, b"x" * 125) * 500, ("--transport", "picows")),
        ("echo", frame(PING, b"x" * 125) * 500, ("--transport", "websockets")),
        ("socketio", frame(TEXT, b'0{"sid":"1"}') + frame(TEXT, b'40{"sid":"1"}') + frame(TEXT, b"2") * 5000, ()),
    ],
    ids=["picows", "websockets", "of the dialect"],
)
def test_a_server_that_pings_without_end_fills_no_memory(
    dialect: str, chunk: bytes, flags: tuple[str, ...], tmp_path: Path
) -> None:
    """It reads no answer; the run ends in time, and nobody believes figures of a generator that was kept busy so."""
    load = (*SHORT, "--users", "3", *flags)
    with pouring_server(chunk) as url, bench(*load, *at(url, dialect), cwd=tmp_path) as running:
        document = running.ends_with(97, 99, 106, within_s=PATIENCE_S)

    assert document["verdict"] != "pass"
    assert document["generator"]["processes"][0]["rss_bytes"] < MOST_BYTES


@pytest.mark.parametrize("transport", ["picows", "websockets"])
def test_a_flood_that_is_faster_than_we_read_is_told_as_such(transport: str, tmp_path: Path) -> None:
    """Empty frames without end: no worker is given up for them, the run ends in time, and the doubt has the figures."""
    load = (*SHORT, "--transport", transport)
    with pouring_server(frame(TEXT) * 5000) as url, bench(*load, *at(url, "echo"), cwd=tmp_path) as running:
        document = running.ends_with(97, within_s=2 * PATIENCE_S)

    assert document["run"]["ended_early"] is None
    assert [phase["name"] for phase in document["phases"]][-1] == "drain"
    assert document["counters"]["frames_received"] > 10_000
    fatal = fatal_doubts_of(document)
    # Where the server shares its core with others, the flood is hardly faster than we are: then it is a warning.
    assert {doubt["code"] for doubt in document["doubts"]} & GENERATOR_DOUBTS
    # Where others on this machine keep it from filling its core, it was late for want of CPU, and says no more.
    if fatal & {"generator_cpu_bound", "loop_lag"}:
        assert any("frames that came meanwhile" in doubt["detail"] for doubt in document["doubts"])
    assert document["generator"]["processes"][0]["rss_bytes"] < MOST_BYTES


def replay(client: socket.socket, _: int) -> None:
    """Let somebody in, and say what it says first again and again, without reading any more."""
    client.sendall(accepting(request_of(client)))
    for opcode, payload in frames_of(client):
        while opcode == TEXT:
            client.sendall(frame(TEXT, payload) * 500)


def test_a_message_that_is_repeated_without_end_is_told_as_such(tmp_path: Path) -> None:
    """Each copy is a duplicate, and no worker is given up for them."""
    with talking_server(replay) as url, bench(*SHORT, *at(url, "echo"), cwd=tmp_path) as running:
        document = running.ends_with(97, within_s=2 * PATIENCE_S)

    assert document["run"]["ended_early"] is None
    assert document["counters"]["deliveries_duplicated"] > 10_000
    assert document["counters"]["deliveries_received"] <= document["counters"]["messages_sent"]
    assert document["generator"]["processes"][0]["rss_bytes"] < MOST_BYTES


def forgeries(text: bytes) -> list[bytes]:
    """Sound markers of what nobody has said: for nobody, of the year 2262, of the message that comes next."""
    begin = text.find(b"cbm")
    stamp = marker.read(text[begin : begin + marker.WIDTH])
    assert stamp is not None
    prefix, room = text[begin : begin + marker.PREFIX_WIDTH], 2**32 - 1
    return [
        forged(prefix, stamp.sender + 1, stamp.sequence + 1, stamp.due_ns, 0, room),
        forged(prefix, stamp.sender + 1, stamp.sequence + 1, stamp.due_ns, 0, 5000),
        forged(prefix, stamp.sender + 1, stamp.sequence + 1, 2**63, 0, room),
        forged(prefix, 2**32 - 1, 2**32 - 1, 0, 2**48 - 1, room - 1),
        forged(prefix, stamp.sender, stamp.sequence + 1, stamp.due_ns, 0, room),
    ]


RELAYED = """
[connect]
path = "/"
[publish]
send = "{text}"
"""


@pytest.mark.parametrize("flags", [(), ("--processes", "2"), ("--transport", "websockets")], ids=" ".join)
def test_forged_messages_are_no_deliveries(flags: tuple[str, ...], tmp_path: Path) -> None:
    """They are counted as what nobody should have read; the figures are those of what was sent."""
    (tmp_path / "relayed.toml").write_text(RELAYED, encoding="utf-8")
    with forging_server(forgeries) as url, bench(*SHORT, *at(url, "relayed.toml"), *flags, cwd=tmp_path) as running:
        document = running.ends_with(97, 99, within_s=PATIENCE_S)

    counts = document["counters"]
    assert errors_of(document) == {("text_changed", "measure"): counts["frames_damaged"]}
    # The server echoes, and everybody is in one room: of ten receivers one gets it.
    assert counts["deliveries_received"] == counts["messages_sent"] > 0
    assert counts["deliveries_expected"] == 10 * counts["messages_sent"]
    assert counts["deliveries_unexpected"] > 0
    assert document["verdict"] != "pass"
