"""Snapshots of a run of 5,000 users, an hour old, as large as such a run makes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from reports.document import SNAPSHOT_SECONDS
from tests.support.documents import a_document

USERS = 5_000
HOUR_S = 3_600
_ERROR_KINDS = ("refused", "timeout", "close_1006", "close_1012", "http_5xx", "reset")
_PHASES = ("login", "connect", "join", "measure")


def snapshots() -> Iterator[dict[str, Any]]:
    """The first has all of an hour, those after it the last seconds of one second more each."""
    document = a_document(snapshot=True)
    document["counters"] = {name: 41 + count * 1_000 for name, count in document["counters"].items()}
    document["counters"]["users_planned"] = USERS
    document["errors"] = [
        {"kind": kind, "phase": phase, "count": 17, "example": f"what the server said of it, {kind} in {phase} " * 2}
        for kind in _ERROR_KINDS
        for phase in _PHASES
    ]
    document["generator"]["processes"] *= 4
    rng = np.random.default_rng(1)
    yield document | {"series": _series(document["series"], 0, HOUR_S, rng)}
    end_s = HOUR_S
    while True:
        end_s += 1
        yield document | {"series": _series(document["series"], end_s - SNAPSHOT_SECONDS, end_s, rng)}


def _series(like: dict[str, Any], start_s: int, end_s: int, rng: np.random.Generator) -> dict[str, Any]:
    columns = {
        name: rng.lognormal(1, 0.5, end_s - start_s).tolist()
        if name.endswith(("_ms", "_ratio"))
        else rng.integers(100_000, 300_000, end_s - start_s).tolist()
        for name in like
        if name not in ("interval_s", "t_s")
    }
    return {"interval_s": 1.0, "t_s": [float(second) for second in range(start_s, end_s)], **columns}
