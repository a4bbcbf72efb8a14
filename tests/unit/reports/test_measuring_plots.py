"""The pictures that explain how we measure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from reports.plots import frame
from reports.plots.measuring import (
    Delivered,
    Fate,
    Loop,
    OneMessage,
    books_of,
    coordinated_omission,
    ledger_of_a_message,
)

ROWS = (
    Delivered("user-1", 8.0, frozenset({Fate.RECEIVED})),
    Delivered("user-2", 300.0, frozenset({Fate.LATE, Fate.REORDERED}), overtaken_ms=90.0),
    Delivered("user-3", None, frozenset({Fate.LOST})),
    Delivered("user-4", 12.0, frozenset({Fate.DUPLICATED})),
)


def svg_of(draw: Callable[..., None]) -> str:
    return frame.svg_element("picture", (900, 500), draw)


def a_loop(name: str, after_ms: list[float]) -> Loop:
    """Messages a tenth of a second apart, before a server that stood still from 0.2 to 0.5 s."""
    at_s = np.arange(len(after_ms)) / 10
    quantiles = (np.array([0.30103, 1.0, 1.5]), np.array([1.0, 2.0, max(after_ms)]))
    return Loop(name, (at_s, np.array(after_ms)), (0.2, 0.5), quantiles)


def test_the_books_of_a_message_close() -> None:
    """Expected is received and lost; late ones were received, and the others stand beside the sum."""
    assert books_of(ROWS) == "4 expected  =  3 received (1 late)  +  1 lost;  besides, 1 duplicated, 1 reordered"


def test_every_receiver_has_a_row_that_says_what_became_of_its_delivery() -> None:
    """In words as well: nothing is told by colour alone."""
    svg = svg_of(partial(ledger_of_a_message, message=OneMessage("user-4", 200.0, ROWS)))

    for text in (">received<", "received, late, reordered", ">lost<", "received, duplicated (wrote it)"):
        assert text in svg, text
    assert "deadline" in svg


def test_both_loops_say_how_many_of_their_messages_waited() -> None:
    """That is what the closed one omits."""
    open_loop = a_loop("open loop", [1, 1, 300, 200, 100, 1, 1])
    closed_loop = a_loop("closed loop", [1, 200, 300, 1, 1, 1, 1])
    closed_loop = _silent_between(closed_loop, 0.25, 0.5)
    svg = svg_of(partial(coordinated_omission, open_loop=open_loop, closed_loop=closed_loop))

    assert "3 messages wait" in svg
    assert "2 messages wait" in svg
    assert svg.count("p95 ") == 2


def _silent_between(loop: Loop, from_s: float, to_s: float) -> Loop:
    at_s, after_ms = loop.messages
    kept: Any = (at_s < from_s) | (at_s >= to_s)
    return Loop(loop.name, (at_s[kept], after_ms[kept]), loop.frozen_s, loop.quantiles)
