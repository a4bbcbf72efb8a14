"""The pytest plugin: the fixture ``chatbench``, the mark ``latency_budget``, and what their tests fail with.

Every pytest run of an environment with chatbench loads this module, so it imports the engine only where it is used.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scenarios.pytest_bench import ChatBench

MARK = "latency_budget"
_BENCH: pytest.StashKey[ChatBench] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let runs be kept."""
    parser.getgroup("chatbench").addoption(
        "--chatbench-out",
        metavar="DIR",
        help="Keep the run directories of the fixture chatbench there; default: in pytest's temporary directory.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers",
        f'{MARK}(budget, ...): judge every run of the fixture chatbench, e.g. by "delivery_time: p(99) < 250ms"; '
        "the test fails where one is broken, has no data, or nothing was run.",
    )


@pytest.fixture
def chatbench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ChatBench:
    """Runs load tests: ``chatbench.run("smoke", app=app, users=50)`` gives their result."""
    from scenarios.pytest_bench import ChatBench

    base, out = tmp_path_factory.getbasetemp(), request.config.getoption("--chatbench-out")
    bench = ChatBench(
        name=request.node.name if out is None else request.node.nodeid,
        folder=base / "chatbench" if out is None else Path(request.config.invocation_params.dir, out),
        # The workers of pytest-xdist have a folder each, in one of all.
        lock=(base.parent if hasattr(request.config, "workerinput") else base) / "chatbench.lock",
        budgets=_budgets_of(request.node),
    )
    request.node.stash[_BENCH] = bench
    return bench


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A mark that cannot be read is told of before anything starts."""
    if item.get_closest_marker(MARK) is None:
        return
    wrong = _wrong_in(item)
    if wrong is not None:
        pytest.fail(wrong, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Judge the runs of a test that has the mark, unless it has failed already."""
    yield
    if item.get_closest_marker(MARK) is None:
        return
    bench = item.stash.get(_BENCH, None)
    if bench is None or not bench.results:
        pytest.fail(f"{MARK}: nothing was measured, since the test made no run of the fixture chatbench", pytrace=False)
    failed = [str(result) for result in bench.results if not result]
    if failed:
        pytest.fail("\n\n".join(failed), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the table of each run below a test that has failed, unless it stands in its message."""
    report = yield
    bench = item.stash.get(_BENCH, None)
    if bench is not None and report.when == "call" and report.failed:
        report.sections += [
            (f"chatbench {result.directory.name}", str(result))
            for result in bench.results
            if str(result.directory) not in report.longreprtext
        ]
    return report


def _budgets_of(item: pytest.Item) -> tuple[str, ...]:
    """Those of its function, class and module."""
    return tuple(expression for mark in item.iter_markers(MARK) for expression in mark.args)


def _wrong_in(item: pytest.Item) -> str | None:
    """What cannot be read of its marks."""
    from loadgen.errors import InputError
    from scenarios.pytest_result import budgets_from

    try:
        for mark in item.iter_markers(MARK):
            budgets_from(mark.args, f"@pytest.mark.{MARK}")
    except InputError as error:
        return str(error)
    return None
