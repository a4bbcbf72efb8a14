"""The hooks, in a pytest within pytest whose runs are not real ones."""

from __future__ import annotations

import pytest

# Loaded out here, since what a pytest within pytest loads it also unloads, and numpy cannot be loaded twice.
from tests.support import documents, fake_runs  # noqa: F401

CONFTEST = """
import pytest
from tests.support.documents import a_document, a_failed_document, a_late_document
from tests.support.fake_runs import FakeRuns

@pytest.fixture
def runs(request):
    return {
        "pass": FakeRuns(a_document()),
        "fail": FakeRuns(a_failed_document(), 99),
        "invalid": FakeRuns(a_late_document(), 97),
    }[getattr(request, "param", "pass")]

@pytest.fixture
def chatbench(chatbench, runs):
    chatbench.carry_out = runs
    return chatbench
"""
HELD = '@pytest.mark.latency_budget("deliveries_lost: count == 0")'


@pytest.fixture(autouse=True)
def _not_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI pytest's summary repeats the whole message of each failure, and a table would be counted twice."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


def outcome_of(pytester: pytest.Pytester, test: str, *flags: str) -> pytest.RunResult:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile("import pytest\n" + test)
    return pytester.runpytest_inprocess("--strict-markers", *flags)


@pytest.mark.parametrize("verdict", ["fail", "invalid"])
def test_the_mark_fails_a_test_whose_run_did_not_pass(pytester: pytest.Pytester, verdict: str) -> None:
    """With the table and nothing else, since nothing in the test is wrong."""
    result = outcome_of(
        pytester,
        f"""
@pytest.mark.parametrize("runs", ["{verdict}"], indirect=True)
{HELD}
def test_it(chatbench):
    chatbench.run("smoke")
""",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"{verdict.upper()}  *", "*delivery time p99 *", "report  *test_it*smoke"])
    assert result.stdout.str().count("delivery time p99") == 1
    assert "def test_it" not in result.stdout.str()


def test_the_mark_hands_its_budgets_to_every_run(pytester: pytest.Pytester) -> None:
    """Those of its function, its class and its module."""
    result = outcome_of(
        pytester,
        """
pytestmark = pytest.mark.latency_budget("ack_time: max < 3s")

@pytest.mark.latency_budget("ack_time: max < 2s")
class TestChat:
    @pytest.mark.latency_budget("ack_time: max < 1s")
    def test_it(self, chatbench, runs):
        chatbench.run("smoke", budget=["join_time: max < 1s"])
        chatbench.run("smoke")
        first, second = ([line for line in each if "max <" in line] for each in runs.asked_for)
        assert first == ["join_time: max < 1s", "ack_time: max < 1s", "ack_time: max < 2s", "ack_time: max < 3s"]
        assert second == first[1:]
""",
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("fixture", ["chatbench", ""])
def test_a_marked_test_that_ran_nothing_fails(pytester: pytest.Pytester, fixture: str) -> None:
    """It would pass for ever."""
    result = outcome_of(pytester, f"{HELD}\ndef test_it({fixture}):\n    pass\n")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["latency_budget: nothing was measured*"])


def test_a_marked_test_that_fails_or_is_skipped_has_its_own_reason(pytester: pytest.Pytester) -> None:
    """Not that nothing was measured."""
    result = outcome_of(
        pytester,
        f"""
{HELD}
def test_fails(chatbench):
    assert 1 == 2

{HELD}
def test_is_skipped(chatbench):
    pytest.skip("not today")

{HELD}
@pytest.mark.xfail(strict=True)
def test_is_expected_to_fail(chatbench):
    pass
""",
    )

    result.assert_outcomes(failed=1, skipped=1, xfailed=1)
    assert "nothing was measured" not in result.stdout.str()


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (
            '("delivry_time: p(99) < 1s")',
            '@pytest.mark.latency_budget("delivry_time: p(99) < 1s"): unknown metric "delivry_time"; did you mean '
            '"delivery_time"?',
        ),
        ("()", "@pytest.mark.latency_budget: expected a budget like *"),
        ("(250)", "@pytest.mark.latency_budget: expected a text like *, got 250"),
    ],
)
def test_a_mark_that_cannot_be_read_is_an_error(pytester: pytest.Pytester, mark: str, said: str) -> None:
    """Which names it, before anything starts."""
    result = outcome_of(pytester, f"@pytest.mark.latency_budget{mark}\ndef test_it(chatbench):\n    assert 1 == 2\n")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said.replace("[", "[[]")])


def test_an_assertion_shows_what_it_is_about(pytester: pytest.Pytester) -> None:
    """In its line the verdict, and below it the table of each run."""
    result = outcome_of(
        pytester,
        """
@pytest.mark.parametrize("runs", ["fail"], indirect=True)
def test_it(chatbench):
    result = chatbench.run("smoke")
    assert result
""",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *assert <fanout: FAIL - *", "*- chatbench test_it*-smoke -*", "FAIL  *"])


def test_a_test_that_passes_says_nothing(pytester: pytest.Pytester) -> None:
    """Whatever its run came to: the test has looked at it."""
    result = outcome_of(
        pytester,
        """
@pytest.mark.parametrize("runs", ["fail"], indirect=True)
def test_it(chatbench):
    assert not chatbench.run("smoke")
""",
    )

    result.assert_outcomes(passed=1)
    assert "FAIL" not in result.stdout.str()


def test_runs_can_be_kept(pytester: pytest.Pytester) -> None:
    """Under the name of the test, from wherever it is."""
    result = outcome_of(pytester, "def test_it(chatbench):\n    chatbench.run('smoke')\n", "--chatbench-out", "kept")

    result.assert_outcomes(passed=1)
    assert [path.name for path in (pytester.path / "kept").iterdir()] == ["test_runs_can_be_kept.py-test_it-smoke"]


def test_a_budget_without_a_run_is_explained_among_the_marks(pytester: pytest.Pytester) -> None:
    """``pytest --markers`` lists it."""
    pytester.runpytest_inprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.latency_budget(budget, ...): *"])
