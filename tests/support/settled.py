"""Scenarios settled on a machine and for a server that are made up, and what is told where they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from loadgen.errors import InputError
from loadgen.plan.plan import Plan
from scenarios.machine import Machine
from scenarios.settle import Settled, settle

Write = Callable[[str], str]
"""Writes a scenario file; its name."""

A_MACHINE = Machine(core_count=4, sockets_per_process=1000, ephemeral_port_count=28_232)
A_SERVER = "http://chat.example.org"


def complaint(scenario: str, flags: dict[str, Any] | None = None, **environ: str) -> str:
    """What is told instead of a plan on a machine like ours; always one line."""
    return complaint_on(A_MACHINE, scenario, flags or {}, **environ)


def complaint_on(machine: Machine, scenario: str, flags: dict[str, Any], **environ: str) -> str:
    """What is told instead of a plan on some machine."""
    with pytest.raises(InputError) as refused:
        settle(scenario, flags, environ, machine)
    line = str(refused.value)
    assert "\n" not in line
    return line


def row(settled: Settled, key: str) -> tuple[Any, str]:
    return settled.rows[key]["value"], settled.rows[key]["origin"]


def plan_of(settled: Settled) -> Plan:
    return settled.plan_for(settled.base_urls, "abcdef")


def expressions(settled: Settled) -> list[str]:
    return [budget.expression for budget in settled.budgets]
