"""What benchmarks.dialects times, and the tables of benchmarks in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.common import put_into
from benchmarks.dialects.publishing import publishing_plans, texts_of
from benchmarks.dialects.receiving import DELIVERIES, adds_nothing, direct_names
from benchmarks.dialects.stage import ROOM, plan_of, ready_swarm
from benchmarks.dialects.table import AIM_RATIO, Costs, Sent, ratio, table_of, too_dear
from loadgen.engine.clock import now_ns
from loadgen.measure.marker import Stamp, prefix_of, write
from loadgen.measure.tally import Count
from scenarios.dialect_files import named_dialects

PLACE = "<!-- table: here -->"


def test_a_ratio_is_of_the_same_round() -> None:
    """What slows the machine down in one round slows all of it down."""
    rounds = [{"plain": 1.0, "nats": 3.0}, {"plain": 10.0, "nats": 30.0}, {"plain": 2.0, "nats": 8.0}]

    assert ratio(rounds, "nats", float) == 3.0


def test_the_table_has_a_row_for_each_dialect() -> None:
    """And names those that cost more than is aimed at."""
    sent = [{"plain": Sent(0.2, 5.0), "phoenix": Sent(1.0, 5.0 * AIM_RATIO + 1), "mqtt": Sent(0.8, 9.0)}]
    costs = Costs(sent, [{"plain": 0.4, "nats": 1.2}], ["plain", "xmpp"])

    text = table_of(costs, "here")
    assert "| `plain` | 0.20 us | 1.00 | 5.00 us | 1.00 |  |" in text
    assert "| `phoenix` | 1.00 us | 5.00 | 7.50 us | 1.50 | JSON |" in text
    assert "| `nats` | 1.20 us | 3.00 |" in text
    assert "in these: `plain`, `xmpp`." in text
    assert too_dear(costs) == ["phoenix"]


def test_a_delivery_goes_straight_into_the_ledger() -> None:
    """A dialect adds nothing to it, except where a frame may hold several messages."""
    assert set(direct_names()) >= {"plain", "reference", "socketio", "phoenix", "actioncable", "stomp", "xmpp", "nchan"}
    assert {name for name in named_dialects() if not adds_nothing(plan_of(name))} == set(DELIVERIES)


@pytest.mark.parametrize("name", DELIVERIES)
def test_what_is_timed_is_a_delivery(name: str) -> None:
    """The frame is one that the dialect has nothing to say about."""
    plan = plan_of(name)
    swarm, at_ns = ready_swarm(plan), now_ns()
    stamp = Stamp(0, 0, at_ns, at_ns)
    mark = write(prefix_of(plan.tag), stamp)
    swarm.ledger.sent(mark, stamp)

    frame = DELIVERIES[name](f"hello {mark.decode()}")
    assert all(swarm.receive(user, frame, at_ns) for user in swarm.members)
    swarm.ledger.close(at_ns)
    assert swarm.tally.counts[Count.DELIVERIES_RECEIVED] == len(swarm.members)
    assert not swarm.tally.errors


def test_what_is_timed_is_a_message_that_is_sent() -> None:
    """Each user of each dialect is in its room, and its text stands in what it says."""
    at_ns = now_ns()
    for name, plan in publishing_plans().items():
        chatter = ready_swarm(plan).members[7].chatter
        said = chatter.due(0, at_ns, at_ns, writable=True)
        assert isinstance(said, bytes), name
        text = texts_of(plan)[7]
        published = chatter.dialect.publish(ROOM, text, "1a2b3c-7-1")
        assert isinstance(published, bytes)
        assert text.encode() in published, name


def test_the_table_takes_its_own_place_in_the_page_again_and_again(tmp_path: Path) -> None:
    """And what stands around it stays."""
    page = tmp_path / "ci.md"
    page.write_text(f"before\n\n{PLACE}\n\nafter\n")

    put_into(page, PLACE, "first\n")
    put_into(page, PLACE, "second\n")

    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("\n\nafter\n")
    assert "second" in page.read_text()
    assert "first" not in page.read_text()


def test_a_page_without_a_place_gets_one_at_its_end(tmp_path: Path) -> None:
    """Which is taken again."""
    page = tmp_path / "dialects.md"
    page.write_text("before\n")

    put_into(page, PLACE, "first\n")
    put_into(page, PLACE, "second\n")

    assert page.read_text() == f"before\n\n{PLACE}\n\nsecond\n\n<!-- end of table: here -->\n"
