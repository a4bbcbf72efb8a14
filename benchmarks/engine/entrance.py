"""How fast one process lets users in: logins that are answered at once, and connections to the relay."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import BenchmarkError, Cores, chatbench_document, pinned_to, relay_on
from benchmarks.engine.cases import Document, Figure
from benchmarks.server.watched import watched
from tests.support.programs import listening

USERS = 8_000
REFERENCE_USERS = 2_000
# More than a process can do: nothing but its own cost paces it.
AT_ONCE = "20000"
LIMIT_S = 240.0

LOGIN_DIALECT = """\
[login]
method = "POST"
path = "/login"
json = { username = "{username}", password = "{password}" }
token = "$.access_token"
[connect]
path = "/ws?token={token}"
[publish]
send = "{text}"
"""


def entrance(cores: Cores) -> tuple[list[Figure], Document]:
    """Logins and connections a second of one process, as fast as it can, beside the logins of the reference server."""
    instant, reference, connects = _instant_logins(cores), _reference_logins(cores), _connects(cores)
    return figures_of(instant, reference, connects), {"logins_per_s": instant, "connects_per_s": connects}


def figures_of(instant: float, reference: float, connects: float) -> list[Figure]:
    """All by the second."""
    return [
        Figure("logins/s, answered at once", f"{instant:,.0f}", "above the next", held=instant > reference),
        Figure("logins/s, by the reference server", f"{reference:,.0f}", "", held=None),
        Figure("connections/s, to the relay", f"{connects:,.0f}", "", held=None),
    ]


def _instant_logins(cores: Cores) -> float:
    # Nobody gets in after the login: the run ends early, and what it says of its logins is whole.
    command = [*pinned_to(cores.server), sys.executable, "-m", "benchmarks.engine.instant_login"]
    with tempfile.TemporaryDirectory(prefix="chatbench-dialect-") as folder, listening(command) as server:
        dialect = Path(folder) / "login.toml"
        dialect.write_text(LOGIN_DIALECT, encoding="utf-8")
        document = _document(server.url, cores, ("--dialect", str(dialect), "--users", str(USERS)))
    return rate_of(document, "login", "logins")


def _reference_logins(cores: Cores) -> float:
    with watched("target_app", cores.server, "--accounts", str(REFERENCE_USERS)) as server:
        document = _document(server.url, cores, ("--users", str(REFERENCE_USERS), "--rooms", "100"))
    return rate_of(document, "login", "logins")


def _connects(cores: Cores) -> float:
    with relay_on(cores.server) as relay:
        flags = ("--dialect", "loadgen/relay.toml", "--users", str(USERS), "--rooms", "100")
        return rate_of(_document(relay.url, cores, flags), "connect", "connects")


def _document(url: str, cores: Cores, flags: Sequence[str]) -> dict[str, Any]:
    load = (
        *("fanout", "--connect-rate", AT_ONCE, "--rate", "1", "--processes", "1"),
        *("--warmup", "0s", "--duration", "1s", "--drain", "1s"),
    )
    return chatbench_document(url, [*load, *flags], pinned_to(cores.client), LIMIT_S)


def rate_of(document: Document, phase: str, event: str) -> float:
    """How many a second, over the whole phase; BenchmarkError where there was none, or some did not come through."""
    spans = [each for each in document["phases"] if each["name"] == phase and each["end_s"] is not None]
    count, planned = sum(document["series"][event]), document["counters"]["users_planned"]
    if not spans or count < planned:
        raise BenchmarkError(f"{count:,} of {planned:,} {event}")
    return float(count / (spans[0]["end_s"] - spans[0]["start_s"]))
