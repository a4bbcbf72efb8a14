"""Settings of all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# Tests of our own plugin run pytest within pytest.
pytest_plugins = ["pytester"]

# Deterministic where it gates a merge; new examples each time where somebody looks. Speed is not a test's business.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# What the tests look at is not told to the page of a job that they may be part of.
os.environ.pop("GITHUB_ACTIONS", None)
