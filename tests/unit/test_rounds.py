"""What is told of tests that are run again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.rounds import Outcome, Round, lines_of, main, outcomes_in


def test_a_test_that_fails_in_its_tidying_up_has_failed() -> None:
    """It is told twice, first as passed; one that was skipped has not passed."""
    book = """<testsuites><testsuite>
        <testcase classname="tests.a" name="one"/><testcase classname="tests.a" name="one"><error/></testcase>
        <testcase classname="tests.a" name="two"><failure/></testcase>
        <testcase classname="tests.b" name="one"><skipped/></testcase>
        <testcase classname="tests.b" name="two"/>
    </testsuite></testsuites>"""

    assert outcomes_in(book) == {
        "tests.a::one": Outcome.FAILED,
        "tests.a::two": Outcome.FAILED,
        "tests.b::one": Outcome.SKIPPED,
        "tests.b::two": Outcome.PASSED,
    }


def test_whatever_failed_is_named_with_its_round() -> None:
    """Below the table."""
    fine = Round({"tests.a::one": Outcome.PASSED, "tests.a::two": Outcome.SKIPPED}, 0, 12.4)
    bad = Round({"tests.a::one": Outcome.FAILED, "tests.a::two": Outcome.PASSED}, 1, 13.0)

    assert lines_of([fine, bad])[1:] == [
        "round  passed  failed  skipped  seconds",
        "    1       1       0        1       12",
        "    2       1       1        0       13",
        "round 2: FAILED tests.a::one",
    ]


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_a_round_without_tests_is_no_success(code: int) -> None:
    """Nor one in which pytest broke down, or failed for no test."""
    assert Round({}, code, 1.0).failed == [f"pytest itself, which ended with {code}"]


def test_no_round_ends_the_others(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The first fails; the second is run all the same, and passes."""
    tried = tmp_path / "test_now_and_then.py"
    tried.write_text(
        "from pathlib import Path\n"
        "def test_now_and_then():\n"
        "    before = Path(__file__).with_name('before')\n"
        "    if not before.exists():\n"
        "        before.touch()\n"
        "        raise AssertionError\n",
        encoding="utf-8",
    )

    assert (
        main(["--times", "2", "-p", "no:cacheprovider", "-p", "no:chatbench", f"--rootdir={tmp_path}", str(tried)]) == 1
    )

    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines if line.strip()[:1].isdigit()][-2:] == [["1", "0", "1"], ["2", "1", "0"]]
    assert lines[-1].startswith("round 1: FAILED ")
