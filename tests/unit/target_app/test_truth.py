"""The truth log: complete, or visibly not."""

import json
from pathlib import Path

import pytest

from target_app.faults import Faults
from target_app.truth import Truth, TruthError, marker_in

A_MARKER = "cbm" + "0123456789abcdef" * 4 + "01"


def test_the_first_line_says_what_is_to_go_wrong(tmp_path: Path) -> None:
    """Schema, seed, what the file asked for, and when; then one line an event."""
    path = tmp_path / "truth.ndjson"
    truth = Truth(path, Faults.model_validate({"seed": 7, "deliveries": {"drop": 0.5}}), now_ns=5)
    truth.tell("end", messages=0, deliveries=0)
    truth.close()

    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"truth": "chatbench.truth/1", "seed": 7, "faults": {"deliveries": {"drop": 0.5}}, "started_ns": 5},
        {"event": "end", "messages": 0, "deliveries": 0},
    ]


def test_a_flush_shows_whole_lines(tmp_path: Path) -> None:
    """Whoever reads along sees what has happened so far."""
    path = tmp_path / "truth.ndjson"
    truth = Truth(path, Faults(), now_ns=5)
    truth.flush()

    assert path.read_bytes().endswith(b"}\n")
    truth.close()


def test_a_place_that_cannot_be_written_to_is_refused_at_once(tmp_path: Path) -> None:
    """Before the server listens, and not when the first message is lost."""
    with pytest.raises(TruthError, match="cannot write: No such file or directory"):
        Truth(tmp_path / "missing" / "truth.ndjson", Faults(), now_ns=5)


def test_a_full_disk_ends_the_log_and_not_the_server(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once; the log has no `end`, so nobody takes it for the whole truth."""
    truth = Truth(Path("/dev/full"), Faults(), now_ns=5)
    truth.flush()
    truth.tell("end")
    truth.close()

    assert [record.getMessage() for record in caplog.records] == [
        "/dev/full: cannot write: No space left on device; the truth log ends here"
    ]


def test_a_marker_is_found_wherever_it_stands() -> None:
    """`cbm` and 66 hexadecimal digits; half of one is none."""
    assert marker_in(b'{"text":"so it goes ' + A_MARKER.encode() + b'"}') == A_MARKER
    assert marker_in(A_MARKER[:-1].encode()) is None
