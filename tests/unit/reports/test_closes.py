"""How sockets ended."""

from __future__ import annotations

from collections import Counter

import pytest

from loadgen.measure.closes import Close, Closer
from loadgen.measure.tally import Tally
from reports.closes import close_table, figures_of
from reports.page import render
from tests.support.documents import a_close, a_document, a_failed_document
from tests.unit.reports.test_page import text_of


def test_the_document_tells_the_most_frequent_end_first() -> None:
    """Code, phase, how many, and by whom."""
    tally = Tally(0)
    tally.closed(1012, "measure", by_us=False)
    for _ in range(3):
        tally.closed(1000, "end", by_us=True)

    assert figures_of(tally.closes) == [a_close(1000, 3, "end", "us"), a_close(1012, 1, "measure", "server")]


def test_a_server_with_a_code_for_each_socket_does_not_fill_the_report() -> None:
    """Nor our memory: what is beyond is counted together."""
    tally = Tally(0)
    for code in range(3000, 5000):
        tally.closed(code, "measure", by_us=False)
    told = figures_of(tally.closes)

    assert len(tally.closes) < 600
    assert len(told) < 40
    assert sum(each["count"] for each in told) == sum(tally.closes.values()) == 2000
    assert [row.meaning for row in close_table({"closes": told})][-1] == "other codes, each of them rare"


@pytest.mark.parametrize(
    ("code", "phase", "who", "meaning"),
    [
        (1000, "end", "us", "closed by us: the run was over"),
        (1000, "measure", "us", "closed by us: the user left"),
        (1006, "end", "us", "cut by us: the server had not answered our close in time"),
        (1006, "measure", "us", "cut by us: by the plan, or it did not get in"),
        (1006, "measure", "network", "no close frame: the network broke, or the server died or hung up"),
        (1012, "measure", "server", "the server restarts"),
        (1000, "measure", "server", "closed in good order"),
        (4008, "measure", "server", "a code of the application's own"),
        (3456, "measure", "server", "a code of a library or framework"),
    ],
)
def test_a_code_is_told_in_words(code: int, phase: str, who: str, meaning: str) -> None:
    """Nobody knows RFC 6455 by heart."""
    (row,) = close_table({"closes": [a_close(code, 7, phase, who)]})

    assert (row.code, row.count, row.who, row.meaning) == (str(code), "7", who, meaning)


def test_the_report_has_them_where_it_is_known() -> None:
    """A document of an earlier version tells of none."""
    text = text_of(render(a_failed_document(), plots=False))

    assert "1012 the server restarts 5 server measure" in text
    assert "How sockets ended" not in text_of(render(a_document(closes=[]), plots=False))


def test_the_order_of_merging_changes_nothing() -> None:
    """Whichever process reports first."""
    one, other = Counter({Close(1000, "end", Closer.US): 2}), Counter({Close(1012, "measure", Closer.SERVER): 2})

    assert figures_of(one + other) == figures_of(other + one)
