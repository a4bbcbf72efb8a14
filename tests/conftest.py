"""Settings of all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings

from tests.support.hunting import LONGER

if TYPE_CHECKING:
    from tests.support.postgres_server import PostgresServer

# Tests of our own plugin run pytest within pytest.
pytest_plugins = ["pytester"]

# Deterministic where it gates a merge; new examples each time where somebody looks. Speed is not a test's business.
FEW = round(100 * min(LONGER, 1.0))
# Of a mutant it is enough to know that some example fails; nobody asks for the smallest one that does.
PHASES = tuple(Phase) if LONGER >= 1 else (Phase.explicit, Phase.generate)
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=FEW, phases=PHASES)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# What the tests look at is not told to the page of a job that they may be part of.
os.environ.pop("GITHUB_ACTIONS", None)
# A server makes three hashes when it starts, and hundreds of them start. What a hash costs is not the subject.
os.environ |= {"CHATBENCH_ARGON2_MEMORY_KIB": "8", "CHATBENCH_ARGON2_PASSES": "1"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that may not run beside others are looked for in tests/system only (Makefile): elsewhere none would run."""
    for item in items:
        if item.get_closest_marker("alone") is not None and "system" not in item.path.parts:
            raise pytest.UsageError(f"{item.nodeid}: expected a test that is marked alone to be in tests/system")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One for all tests that leave it as it is; each makes a database of its own."""
    from tests.support.postgres_server import postgres_server

    with postgres_server() as server:
        yield server
