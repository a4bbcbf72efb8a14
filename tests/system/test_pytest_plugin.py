"""The pytest plugin as a user has it: pytest as a process of its own, in a folder of one's own, with real runs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from tests.support.benches import document_in, eventually
from tests.support.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
PYTEST = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "--strict-markers"]
# What a busy machine makes of a run is no fault of the plugin: the run says so, and is repeated.
ATTEMPTS = 3
# What the tests are not about takes no time.
SHORTER = {"CHATBENCH_WARMUP": "200ms", "CHATBENCH_DRAIN": "500ms"}
UNDRAWN = SHORTER | {"CHATBENCH_HTML": "false"}
UNUSED = """
import sys

def test_it():
    assert not {"numpy", "loadgen", "reports", "scenarios.pytest_bench"} & set(sys.modules)
"""
LONG = """
from loud import app

def test_it(chatbench):
    chatbench.run("smoke", dialect="chat.toml", rooms=1, duration="5m", {server})
"""
# The example's chat, which leaves a file when it has heard something.
LOUD = """
from pathlib import Path
from chat import app, room

async def noted(text, say=room.say):
    Path("heard").touch()
    await say(text)

room.say = noted
"""

pytestmark = pytest.mark.system


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of examples/pytest, away from our own settings."""
    return Path(shutil.copytree(ROOT / "examples" / "pytest", tmp_path / "example"))


def ran(
    folder: Path, *arguments: str, attempts: int = ATTEMPTS, variables: Mapping[str, str] = SHORTER
) -> subprocess.CompletedProcess[str]:
    """Pytest, once more where a run could not be believed."""
    for _ in range(attempts):
        done = subprocess.run(
            [*PYTEST, *arguments],
            cwd=folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=12 * PATIENCE_S,
        )
        if "INVALID" not in done.stdout:
            break
    return done


def test_the_example_passes(example: Path) -> None:
    """As it stands, with what it is told to keep."""
    done = ran(example, "--chatbench-out", "kept")

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    kept = sorted(path.name for path in (example / "kept").iterdir() if (path / "report.html").exists())
    assert {
        "test_latency.py-test_everybody_hears_everything_in_time-smoke",
        "test_latency.py-test_nothing_is_lost_in_a_small_room-smoke",
    } <= set(kept)


def test_on_workers_of_xdist_one_run_waits_for_the_other(example: Path) -> None:
    """Two loads at once would measure one another. Where the machine was busy all the same, the runs say so."""
    done = ran(example, "-n", "2", "--chatbench-out", "kept", attempts=1, variables=UNDRAWN)

    first, second = sorted(
        (document_in(folder)["run"] for folder in (example / "kept").iterdir()), key=lambda run: str(run["started_at"])
    )
    assert first["finished_at"] <= second["started_at"]
    assert (done.returncode, "2 passed" in done.stdout) == (0, True) or "INVALID" in done.stdout, done.stdout


def test_a_budget_that_cannot_be_kept_fails_with_the_table(example: Path) -> None:
    """It names the metric, and what was seen of it."""
    test = example / "test_latency.py"
    test.write_text(test.read_text().replace("p(99) < 250ms", "p(99) < 1us"))
    done = ran(example, "-k", "in_time", variables=UNDRAWN)

    assert done.returncode == 1, done.stdout
    assert re.search(r"^FAIL  p99 was \S+ \w+, 1 us allowed\.$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^  broken  delivery_time: p\(99\) < 1us +\d\S* \w+$", done.stdout, re.MULTILINE), done.stdout


def test_what_the_documentation_shows_passes(example: Path) -> None:
    """Every test of docs/pytest.md, beside the example's chat."""
    blocks = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    (example / "test_docs.py").write_text("\n".join(blocks))
    done = ran(example, "test_docs.py", variables=UNDRAWN)

    assert done.returncode == 0, done.stdout
    assert f"{sum(block.count('def test_') for block in blocks)} passed" in done.stdout


def test_the_plugin_can_be_left_out(example: Path) -> None:
    """And costs nothing where no test uses it: none of the engine is imported."""
    (example / "test_latency.py").write_text(UNUSED)

    assert ran(example).returncode == 0
    assert ran(example, "-p", "no:chatbench").returncode == 0
    done = ran(example, "-p", "no:chatbench", "--chatbench-out", "kept")
    assert done.returncode == 4
    assert "unrecognized arguments: --chatbench-out" in done.stderr


@pytest.mark.parametrize(
    ("server", "flags"),
    [("app=app", ()), ('app="loud:app"', ("-n", "2"))],
    ids=["thread", "process, xdist"],
)
def test_an_interrupt_ends_the_run_and_its_server(example: Path, server: str, flags: tuple[str, ...]) -> None:
    """By Ctrl-C, which reaches all that hold the terminal; neither is left behind."""
    (example / "loud.py").write_text(LOUD)
    (example / "test_long.py").write_text(LONG.format(server=server))
    with psutil.Popen(
        [*PYTEST, "test_long.py", *flags], cwd=example, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            eventually((example / "heard").exists, "a run")
        finally:
            parts = process.children(recursive=True)
            os.killpg(process.pid, signal.SIGINT)
            _, alive = psutil.wait_procs([process, *parts], timeout=PATIENCE_S)
            for part in alive:
                part.kill()
        said, _ = process.communicate()

    assert process.returncode == 2, said
    assert "KeyboardInterrupt" in said
    assert alive == []
