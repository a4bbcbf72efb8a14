"""What benchmarks.ab makes of its bouts: which answers are right, and the table of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.ab.__main__ import table_of, told
from benchmarks.ab.bouts import A_A, A_FIFTH, A_TENTH, SERVE, Outcome, command
from benchmarks.ab.drawn import drawn_from
from reports.ab import Ended, build
from scenarios.servers import is_address
from target_app.faults import read_faults
from tests.support.pairs import FACTS, a_believable_course


def a_document(head_times: float = 1.0, noise: float = 0.03) -> dict[str, object]:
    """That of sixteen pairs."""
    course = a_believable_course(head_times, noise=noise)
    course.look()
    course.ended = Ended.DECIDED
    return build(FACTS, course)


def test_bouts_are_drawn_from_the_pairs_of_a_server_beside_itself() -> None:
    """Seldom a false alarm, never fine where it is a tenth slower, and always found where it is a fifth."""
    table = drawn_from([a_document(), a_document()], 16, 32)

    assert table.pair_count == 32
    assert table.noise["delivery_time p50"] == pytest.approx(0.03 * 2**0.5, rel=0.5)
    assert table.alike.regression <= 0.05
    assert table.a_tenth.fine == 0.0
    assert table.a_fifth.regression >= 0.95


def test_the_table_counts_what_was_real_and_tells_what_was_drawn() -> None:
    """A row for each kind of bout."""
    outcomes = [Outcome(A_A, 0, a_document()), Outcome(A_A, 96, a_document()), Outcome(A_FIFTH, 98, a_document(1.2))]

    text = table_of(outcomes, drawn_from([a_document()], 16, 32), "5s")

    assert "| the same | 2 | 1 | 1 | 0 | 0 | " in text
    assert "| a fifth slower | 1 | 0 | 0 | 1 | 0 | 1.2" in text
    assert "Drawn from the 16 real pairs" in text


def test_an_answer_is_right_or_wrong() -> None:
    """A tenth may be found or not be told; it must not be called fine."""
    assert "right" in told(Outcome(A_TENTH, 96, a_document()))
    assert "WRONG" in told(Outcome(A_TENTH, 0, a_document()))
    assert "WRONG" in told(Outcome(A_A, 96, a_document()))


def test_a_slower_server_is_one_with_faults(tmp_path: Path) -> None:
    """A file that the reference server takes; without a delay it is the server as it is."""
    faults = tmp_path / "head.toml"

    assert command(faults, 0.0) == SERVE
    assert command(faults, 5.0) == f"{SERVE} --faults {faults}"
    assert read_faults(faults) is not None
    assert not is_address(SERVE)
