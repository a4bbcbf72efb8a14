"""Users who do more than write to their room: to one another, typing, reading what was said, looking who is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadgen.plan.acts import Act
from reports.truth import read_truth
from tests.support.benches import bench, books_close
from tests.support.patience import PATIENCE_S
from tests.support.server_process import server_process

pytestmark = pytest.mark.system

TIMES = '[phases]\nwarmup = "0s"\nmeasure = "2s"\ndrain = "1s"\n'
MIXED = TIMES + (
    '[users]\ncount = 24\nrooms = { shape = "uniform", count = 4 }\n'
    "[traffic]\nrate_per_s = 100\n"
    "mix = { message = 0.5, direct = 0.3, typing = 0.2, history = 0.1, presence = 0.1, http = 0.1 }\n"
)
SAME = ("messages_due", "messages_sent", "deliveries_expected", "deliveries_received", "deliveries_lost", "frames_sent")


def a_run(tmp_path: Path, scenario: str, *flags: str) -> dict[str, Any]:
    """The document of a run against the embedded server, unless a flag names another."""
    file = tmp_path / "mine.toml"
    file.write_text(scenario)
    with bench(str(file), *flags, "--no-html", "--no-plots", cwd=tmp_path) as running:
        running.finish()
        return running.document


def test_the_reference_server_takes_all_that_users_do_and_the_books_close(tmp_path: Path) -> None:
    """Every message is acknowledged, nothing is refused, and two processes count what one does."""
    documents = [a_run(tmp_path, MIXED, "--processes", count, "--out", count) for count in ("1", "2")]

    for document in documents:
        counters = document["counters"]
        assert books_close(document)
        assert document["errors"] == []
        assert counters["acks_received"] == counters["messages_sent"] > 150
        # Direct ones have one receiver, those to the room six; and the rest is sent beside them.
        assert counters["messages_sent"] < counters["deliveries_received"] < 6 * counters["messages_sent"]
        assert counters["frames_sent"] > counters["messages_sent"]
    asked = [document["metrics"]["http_time"]["count"] for document in documents]
    assert asked[0] == asked[1] > 20
    one, two = ({name: document["counters"][name] for name in SAME} for document in documents)
    assert one == two


@pytest.mark.parametrize("act", [Act.DIRECT, Act.HISTORY])
def test_users_may_do_one_thing_only(tmp_path: Path, act: Act) -> None:
    """In a closed loop, too, where what is no message has no answer to wait for."""
    scenario = MIXED.replace(MIXED[MIXED.index("mix = ") :].strip(), f"loop = 'closed'\nmix = {{ {act} = 1 }}")
    document = a_run(tmp_path, scenario)
    counters = document["counters"]

    assert counters["deliveries_received"] == counters["messages_sent"]
    assert (counters["messages_sent"] > 100) == (act is Act.DIRECT)
    assert document["errors"] == []
    assert counters["frames_sent"] > 100


def test_what_a_storm_kept_from_users_comes_back_to_them_from_history(tmp_path: Path) -> None:
    """Deliveries take half a second, so many are on their way when the sockets are cut: excused, then recovered."""
    faults = tmp_path / "faults.toml"
    faults.write_text('[deliveries]\ndelay = { kind = "constant", ms = 500 }\n')
    storm = '[[incident]]\nkind = "reconnect_storm"\nat = "50%"\nshare = 0.5\nbackoff = "none"\n'
    scenario = TIMES + "[users]\ncount = 20\n[traffic]\nrate_per_s = 100\n" + storm
    log = tmp_path / "truth.ndjson"
    with server_process("--accounts", "20", "--faults", str(faults), "--truth", str(log)) as server:
        document = a_run(tmp_path, scenario, "--target", server.url)
        server.process.terminate()
        server.process.wait(PATIENCE_S)
    with log.open(encoding="utf-8") as lines:
        gone = sum(len(message.gone) for message in read_truth(lines).messages)
    counters = document["counters"]

    assert books_close(document)
    assert counters["reconnects"] > 0
    # By its log the server had them for who had gone, and so in the history. It may be off by a message or two for each
    # of ten users: what had not reached the server by then, and what it wrote to a socket whose cut it had not seen.
    assert gone > 100
    assert gone - 20 <= counters["deliveries_recovered"] <= gone + 20
    assert counters["deliveries_recovered"] <= counters["deliveries_excused"] <= gone + 20
    assert counters["deliveries_lost"] == counters["deliveries_duplicated"] == counters["deliveries_unexpected"] == 0
