"""axe-core, which looks for what keeps people from reading a page; from npm, as tests/support/peers_node has it."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.peers import NODE_FOLDER

_SCRIPT = NODE_FOLDER / "node_modules" / "axe-core" / "axe.min.js"
# All but "minor": what keeps somebody from using the page, or makes it hard.
_GRAVE = ("moderate", "serious", "critical")


@cache
def _source() -> str:
    if not _SCRIPT.exists():
        why = f"axe-core is missing: npm ci --prefix {NODE_FOLDER}"
        if os.environ.get("CHATBENCH_TESTS_NEED_PEERS"):
            pytest.fail(why)
        pytest.skip(why)
    return _SCRIPT.read_text(encoding="utf-8")


def grave_faults(page: Page) -> list[str]:
    """What axe finds moderate, serious or critical on a page as it stands, a line each: the rule, where, and why."""
    # Evaluated from outside, so that the page's own policy need not allow it.
    page.evaluate(_source())
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {' '.join(node['target'])}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
        if node["impact"] in _GRAVE
    ]
