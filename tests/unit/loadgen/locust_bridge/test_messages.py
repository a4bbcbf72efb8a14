"""What masters and workers say survives the way between machines, and nothing else is taken for it."""

from __future__ import annotations

import msgpack
import pytest

from loadgen.engine.wire import Attended, Closed, Done, Finish, Hear, Measure, Speak, Stop, Tell, Tick
from loadgen.locust_bridge.messages import (
    Died,
    Identify,
    Identity,
    Leaving,
    Look,
    Ping,
    Pong,
    Prepare,
    Ready,
    Refused,
    Said,
    Used,
    from_plain,
    to_plain,
)
from loadgen.measure import marker
from loadgen.measure.clocks import Clock
from loadgen.measure.marker import Stamp
from loadgen.measure.news import News
from loadgen.measure.record import MachineReading, Reading
from loadgen.measure.spread import Spreads
from loadgen.measure.tally import Count, Metric, Tally
from loadgen.plan.sections import Section

NEWS = News(marker.write(marker.prefix_of("abc123"), Stamp(1, 0, 5, 6)), b"")
MESSAGES: tuple[Said, ...] = (
    Identify(),
    Identity("1.0", "fanout (abc)", "host", "boot ns", 7),
    Ping(3),
    Pong(3, 2**60),
    Prepare(
        "abc123",
        ("http://a:1", "http://b:2"),
        {"traffic.rate_per_s": "40", "target.url": ["http://a:1"]},
        1,
        2,
        3,
        400,
        True,
        -5,
        {0: Clock(-(10**12), 900)},
        (1,),
    ),
    Ready(12),
    Refused("no such file"),
    Look(),
    Used(Reading(1, 2, 3, None), None, MachineReading(1, 2, 3, 4, None, 6), True),
    Died("killed by SIGKILL"),
    Leaving(),
    Speak(Section(2, 10**12, 500, 40.5)),
    Measure(1, 2**62, 3),
    Hear(NEWS),
    Tell(NEWS),
    Stop(5),
    Finish(),
    Done(3),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_out_as_it_went_in(message: Said) -> None:
    """Through the msgpack that Locust's connection speaks."""
    packed = msgpack.packb(to_plain("abc123", message))

    assert from_plain(msgpack.unpackb(packed)) == ("abc123", message)


def test_what_was_counted_comes_out_as_it_went_in() -> None:
    """Each second, and at the end."""
    tally = Tally(5)
    tally.counts[Count.MESSAGES_SENT] = 3
    tally.metrics[Metric.DELIVERY_TIME].record(1_500_000)
    for message in (Tick(tally, Spreads.of([]), Attended(3, 1, 2, 0)), Closed(tally, Spreads.of([]), {"server": "x"})):
        _, came = from_plain(msgpack.unpackb(msgpack.packb(to_plain("", message))))

        assert isinstance(came, Tick | Closed)
        assert came.tally.counts == tally.counts
        assert came.tally.metrics[Metric.DELIVERY_TIME].max_ns == 1_500_000


@pytest.mark.parametrize("attended", [[1, 2, "3", 4], [1, 2, 3], "all"])
def test_who_is_there_is_told_in_numbers_or_not_at_all(attended: object) -> None:
    """A worker that tells what it has counted need not know it; whatever else it says is no message."""
    said = to_plain("a", Tick(Tally(5), Spreads.of([]), None))
    assert isinstance(from_plain(said)[1], Tick)

    with pytest.raises(ValueError, match="expected who is there"):
        from_plain(said | {"data": said["data"] | {"attended": attended}})


@pytest.mark.parametrize(
    "data",
    [
        None,
        "hello",
        {"run": "a", "kind": "Nonsense", "data": None},
        {"run": "a", "kind": "Pong", "data": ["one", 2]},
        {"run": "a", "kind": "Tick", "data": {"tally": 1, "spreads": 2, "attended": None}},
        {"run": "a", "kind": "Prepare", "data": {}},
        {"run": "a", "kind": "Prepare", "data": {"tag": 1, "base_urls": 3}},
        {"run": 7, "kind": "Ready", "data": 1},
        {"run": "a", "kind": "Measure", "data": [1, 2]},
    ],
)
def test_anything_else_is_no_message(data: object) -> None:
    """The other end may be any program that found the port."""
    with pytest.raises(ValueError):  # noqa: PT011  # whatever it says, it is the one that callers expect
        from_plain(data)
