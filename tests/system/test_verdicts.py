"""Whose limit it was: a starved generator makes a run invalid, a slow server makes it fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.benches import (
    CHATBENCH,
    FAST_SERVER,
    GENERATOR_DOUBTS,
    RELAY_DIALECT,
    bench,
    books_close,
    doubts_of,
    fatal_doubts_of,
    unless_starved,
)
from tests.support.programs import listening

pytestmark = [pytest.mark.system, pytest.mark.alone]

CORES = sorted(os.sched_getaffinity(0))
TASKSET = shutil.which("taskset")
needs_two_cores = pytest.mark.skipif(
    len(CORES) < 2 or TASKSET is None,
    reason="server and generator need a core each, and taskset to stay there",
)


def pinned_to(core: int) -> tuple[str, ...]:
    return (str(TASKSET), "--cpu-list", str(core))


@contextmanager
def a_crowded_core(core: int, loop_count: int) -> Iterator[None]:
    """Busy loops on a core; each of its own session, so that the scheduler's groups give each a share of its own.

    They end by themselves after a minute, even if we are killed.
    """
    command = [*pinned_to(core), "timeout", "60", sys.executable, "-c", "while True: pass"]
    with ExitStack() as stack:
        for _ in range(loop_count):
            loop = stack.enter_context(subprocess.Popen(command, start_new_session=True))
            stack.callback(loop.terminate)  # timeout passes it on
        yield


@needs_two_cores
def test_a_starved_generator_makes_the_run_invalid(tmp_path: Path) -> None:
    """Its figures are about itself: never a pass, and never the server's fault.

    Starved of the measured window alone: what comes before and after it would only take longer.
    """
    load = ("--users", "200", "--rate", "300", "--connect-rate", "1000")
    time = ("--duration", "5s", "--warmup", "500ms", "--drain", "1s")
    with (
        listening([*pinned_to(CORES[0]), *FAST_SERVER]) as server,
        bench(
            *("fanout", *load, *time, "--target", server.url, "--dialect", RELAY_DIALECT),
            cwd=tmp_path,
            program=(*pinned_to(CORES[1]), CHATBENCH),
        ) as running,
    ):
        running.wait_for("measured window")
        with a_crowded_core(CORES[1], loop_count=4):
            running.wait_for("drain")
        code = running.finish()
        document = running.document

    print(f"exit {code}, doubts {doubts_of(document)}, generator {document['generator']['processes'][0]}")
    assert code == 97
    assert document["verdict"] == "invalid"
    assert fatal_doubts_of(document) & GENERATOR_DOUBTS
    # Where the busy loops leave the machine nothing, it is named: it is not the server in any case.
    assert document["limit"]["side"] in ("generator", "machine")
    assert books_close(document)


@needs_two_cores
def test_an_overloaded_server_fails_the_run(tmp_path: Path) -> None:
    """The generator sends on time all the while, so what is late is the server's: a failure one can believe."""
    # 2 s of work a second: at the end of the window the server is as far behind as the window was long.
    load = ("--users", "100", "--rate", "20", "--connect-rate", "500")
    time = ("--duration", "4s", "--warmup", "500ms", "--drain", "1s")

    def attempt() -> tuple[int, dict[str, Any]]:
        with (
            listening([*pinned_to(CORES[0]), *FAST_SERVER, "--work-us", "1000"]) as server,
            bench(
                *("fanout", *load, *time, "--force", "--target", server.url, "--dialect", RELAY_DIALECT),
                cwd=tmp_path,
                program=(*pinned_to(CORES[1]), CHATBENCH),
            ) as running,
        ):
            return running.finish(), running.document

    code, document = unless_starved(attempt)

    metrics = document["metrics"]
    print(
        f"exit {code}, doubts {doubts_of(document)}, delivery p50 {metrics['delivery_time']['p50']:.0f} ms, "
        f"lateness p99 {document['generator']['processes'][0]['send_lateness_p99_ms']:.2f} ms, "
        f"lost {document['counters']['deliveries_lost']} of {document['counters']['deliveries_expected']}"
    )
    assert code == 99
    assert document["verdict"] == "fail"
    assert fatal_doubts_of(document) == set()
    assert document["limit"]["side"] == "server"
    assert metrics["delivery_time"]["p50"] > 250
    assert books_close(document)
