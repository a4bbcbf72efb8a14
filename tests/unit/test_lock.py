"""pyproject.toml says what works, requirements.lock what CI installs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.lock import lines_of

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINES = [
    line
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
EXTRAS = PROJECT["optional-dependencies"]
ASKED = [
    Requirement(text)
    for text in (*PROJECT["dependencies"], *EXTRAS["postgres"], *EXTRAS["redis"], *EXTRAS["dev"])
    if not text.startswith("chatbench[")
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_the_lock_holds_what_the_project_asks_for(asked: Requirement) -> None:
    """`make lock` where it does not."""
    locked = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}

    version = locked.get(canonicalize_name(asked.name))

    assert version is not None, f"requirements.lock has no {asked.name}: make lock"
    assert asked.specifier.contains(version, prereleases=True), f"requirements.lock has {version}: make lock"


def test_the_lock_pins_each_package_once_and_names_no_host() -> None:
    """Whoever installs has an index of his own."""
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line) for line in LINES)
    names = [canonicalize_name(line.partition("==")[0]) for line in LINES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("asked", [Requirement(text) for text in PROJECT["dependencies"]], ids=str)
def test_what_users_install_has_a_lower_bound(asked: Requirement) -> None:
    """And an upper one, but for what counts its years."""
    operators = {each.operator for each in asked.specifier}

    assert ">=" in operators
    assert "<" in operators or asked.name == "packaging"


def test_what_pip_would_install_is_locked_but_for_ourselves_and_pip() -> None:
    """In the order in which pip lists what is installed, so that a diff shows what has changed."""
    found = [("SQLAlchemy", "2.1"), ("argon2-cffi", "25.1"), ("argon2-cffi-bindings", "26.2"), ("chatbench", "0.1.0")]
    report = {
        "install": [{"metadata": {"name": name, "version": version}} for name, version in (*found, ("pip", "26"))]
    }

    assert lines_of(report) == ["argon2-cffi-bindings==26.2", "argon2-cffi==25.1", "SQLAlchemy==2.1"]
