"""Pairs of runs as ``chatbench ab`` would have made them, for tests of what they are said to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reports.ab import Course
from reports.compare import TOLERANCES
from reports.power import Look
from reports.trials import Pair, Side, Trial
from tests.support.documents import a_document

ONE_LOOK = (Look(16, 0.05),)
FACTS: Mapping[str, Any] = {
    "id": "20260101-120000-abcdef",
    "scenario": "fanout",
    "command": "chatbench ab",
    "started_at": "2026-01-01T12:00:00.000+00:00",
    "finished_at": "2026-01-01T12:05:00.000+00:00",
    "seconds": 300.0,
    "seed": 1,
    "base": "serve --old",
    "head": "serve --new",
    "alike": False,
    "pairs_planned": 16,
    "max_pairs": 16,
    "turn_s": 0.5,
}


def a_trial(times: float = 1.0, *, failures: tuple[str, ...] = (), **facts: Any) -> Trial:
    """A run of a server that is so many times as slow; it failed if there are ``failures``."""
    return Trial(a_document(delivery_p50_ms=3.0 * times, **facts), "pairs/01-base", failures)


def a_believable_course(
    head_times: float, count: int = 16, noise: float = 0.02, looks: Sequence[Look] = ONE_LOOK
) -> Course:
    """So many pairs, in which head is so many times as slow as base, but for a little noise that is always the same."""
    rng = np.random.default_rng(7)
    pairs = [
        Pair(number, Side.BASE, a_trial(float(base)), a_trial(head_times * float(head)))
        for number, (base, head) in enumerate(np.exp(rng.normal(0, noise, (count, 2))), start=1)
    ]
    return Course(looks, TOLERANCES, pairs)
