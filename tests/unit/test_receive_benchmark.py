"""When the bound on what a delivery costs fails a change, and when it does not."""

import pytest

from benchmarks.receive.judging import MOST_OTHERS_RATIO, Circumstances, Judgement, judgement, passes

AT_REST = Circumstances(had_cores=True, others_ratio=0.01)
BUSY = Circumstances(had_cores=True, others_ratio=MOST_OTHERS_RATIO + 0.01)
ONE_CORE = Circumstances(had_cores=False, others_ratio=0.0)


@pytest.mark.parametrize(
    ("ratio", "circumstances", "wanted"),
    [
        (2.99, AT_REST, Judgement.HELD),
        (3.0, AT_REST, Judgement.HELD),
        (3.01, AT_REST, Judgement.EXCEEDED),
        (None, AT_REST, Judgement.NOT_MEASURED),
        (3.01, Circumstances(had_cores=True, others_ratio=None), Judgement.EXCEEDED),
        # What holds on a busy machine holds; what does not may be the machine.
        (2.0, BUSY, Judgement.HELD),
        (9.0, BUSY, Judgement.NOT_JUDGED),
        (None, BUSY, Judgement.NOT_JUDGED),
        (9.0, ONE_CORE, Judgement.NOT_JUDGED),
        (2.0, ONE_CORE, Judgement.NOT_JUDGED),
    ],
)
def test_a_bound_is_judged_only_where_a_ratio_means_something(
    ratio: float | None, circumstances: Circumstances, wanted: Judgement
) -> None:
    """On a machine that others use, or that has one core, a ratio is luck."""
    said, line = judgement(ratio, 3.0, circumstances)

    assert said is wanted
    assert wanted.value in line.lower()


def test_the_line_names_both_figures() -> None:
    """Whoever reads the log sees by how much it was missed."""
    assert judgement(3.456, 3.0, AT_REST)[1] == "EXCEEDED: 3.46, at most 3.00"


def test_what_fails_once_and_holds_once_passes() -> None:
    """A failed measurement is tried once more, and the second try counts."""
    assert not passes([Judgement.EXCEEDED])
    assert passes([Judgement.EXCEEDED, Judgement.HELD])
    assert passes([Judgement.NOT_MEASURED, Judgement.NOT_JUDGED])
    assert not passes([Judgement.NOT_MEASURED, Judgement.EXCEEDED])
