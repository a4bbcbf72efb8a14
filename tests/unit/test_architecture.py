"""The house rules of ARCHITECTURE.md, read off the import statements."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("target_app", "loadgen", "reports", "scenarios")

# Who may import whom, folder by folder; the more exact name comes first.
MAY_IMPORT = {
    "target_app": {"target_app"},
    "loadgen.errors": set(),
    "loadgen.dialects": {"loadgen.errors", "loadgen.dialects"},
    "loadgen.plan": {"loadgen.errors", "loadgen.dialects", "loadgen.plan"},
    "loadgen.measure": {"loadgen.errors", "loadgen.dialects", "loadgen.plan", "loadgen.measure"},
    "loadgen.engine": {"loadgen"},
    "loadgen.locust_bridge": {"loadgen"},
    "loadgen.relay": {"loadgen.engine.limits"},
    "reports": {"loadgen.errors", "loadgen.plan", "loadgen.measure", "reports"},
    "scenarios": {"loadgen", "reports", "scenarios"},
}

# Pure: takes values, gives values, is told the time and the randomness.
PURE = (
    "loadgen.errors",
    "loadgen.dialects",
    "loadgen.plan",
    "loadgen.measure",
    "loadgen.engine.answers",
    "loadgen.engine.books",
    "loadgen.engine.course",
    "loadgen.engine.error_pages",
    "loadgen.engine.transport.handshake",
    "loadgen.engine.user",
    "loadgen.engine.tunnel",
    "loadgen.locust_bridge.crew",
    "loadgen.locust_bridge.lead",
    "loadgen.locust_bridge.messages",
    "loadgen.locust_bridge.options",
    "loadgen.locust_bridge.story",
    "loadgen.locust_bridge.rows",
    "reports.ab",
    "reports.ab_texts",
    "reports.document",
    "reports.drift",
    "reports.incidents",
    "reports.inference",
    "reports.compare",
    "reports.compare_texts",
    "reports.incident_figures",
    "reports.figures",
    "reports.closes",
    "reports.example_figures",
    "reports.examples",
    "reports.slice_figures",
    "reports.slices",
    "reports.subjects",
    "reports.budgets",
    "reports.limit",
    "reports.summary",
    "reports.verdicts",
    "reports.numbers",
    "reports.markdown",
    "reports.sweep_markdown",
    "reports.capacity_markdown",
    "reports.github",
    "reports.junit",
    "reports.junit_comparison",
    "reports.junit_xml",
    "reports.series_csv",
    "reports.events",
    "reports.palette",
    "reports.planned",
    "reports.plots.names",
    "reports.power",
    "reports.prometheus",
    "reports.impatience",
    "reports.target_series",
    "reports.terminal.last_minute",
    "reports.terminal.plain",
    "reports.terminal.progress",
    "reports.terminal.so_far",
    "reports.terminal.standing",
    "reports.live.feed",
    "reports.live.history",
    "reports.live.standing",
    "reports.trials",
    "reports.truth",
    "reports.calibration",
    "reports.calibration_findings",
    "reports.calibration_truth",
    "reports.calibration_summary",
    "reports.capacity",
    "reports.charts",
    "reports.curves",
    "reports.policy",
    "reports.sweep",
    "scenarios.calibration_extent",
    "scenarios.capacity_search",
    "scenarios.dialect_checks",
    "scenarios.dialect_schema",
    "scenarios.endpoint",
    "scenarios.handbook",
    "scenarios.handbook_entries",
    "scenarios.schema",
    "scenarios.slices",
    "scenarios.target_metrics",
    "scenarios.toml_text",
    "scenarios.doctor.advice",
    "scenarios.doctor.attempts",
    "scenarios.doctor.case",
    "scenarios.doctor.checkup",
    "scenarios.doctor.facts",
    "scenarios.doctor.findings",
    "scenarios.doctor.getting_in",
    "scenarios.doctor.login_answer",
    "scenarios.doctor.marks",
    "scenarios.doctor.near_misses",
    "scenarios.doctor.secrets",
    "scenarios.doctor.staying",
    "scenarios.doctor.steps",
    "scenarios.doctor.talking",
    "scenarios.doctor.wording",
    "target_app.about",
    "target_app.dice",
    "target_app.choices",
    "target_app.agenda",
    "target_app.database",
    "target_app.nodes.bus",
    "target_app.nodes.elsewhere",
    "target_app.nodes.homes",
    "target_app.nodes.lease",
    "target_app.nodes.messages",
    "target_app.nodes.places",
    "target_app.openapi_view",
    "target_app.people",
    "target_app.postgres_text",
    "target_app.origins",
    "target_app.refusal",
    "target_app.socket_guide",
    "target_app.throttle",
)
IMPURE = {"asyncio", "socket", "subprocess", "threading", "time", "random", "ssl", "signal", "os", "multiprocessing"}
# What else reaches files, terminals, the machine or the outside; a third party may do any of it.
OUTSIDE = IMPURE | {"io", "importlib", "logging", "pathlib", "resource", "secrets", "shutil", "sys", "tempfile"}

# One door for each third party.
DOORS = {
    "fastapi": ("target_app",),
    "uvicorn": ("target_app", "scenarios.asgi_thread"),
    "starlette": ("target_app",),
    "httptools": ("target_app.impatience",),
    "jwt": ("target_app.tokens", "loadgen.dialects.signing"),
    "pwdlib": ("target_app.accounts",),
    "prometheus_client": ("target_app.metrics", "reports.prometheus", "scenarios.exporter", "scenarios.target_metrics"),
    "redis": ("target_app.nodes.redis_bus",),
    "sqlalchemy": (
        "target_app.tables",
        "target_app.schema",
        "target_app.migrations",
        "target_app.sqlite_store",
        "target_app.postgres_store",
        "target_app.postgres_errors",
        "target_app.nodes.sql_homes",
    ),
    "alembic": ("target_app.schema", "target_app.migrations"),
    "asyncpg": ("target_app.postgres_errors",),
    "websockets": ("target_app", "loadgen.engine.transport.websockets_transport"),
    "picows": ("loadgen.engine.transport.picows_transport", "loadgen.relay"),
    "aiohttp": ("loadgen.engine.http", "scenarios.live_server", "scenarios.live_site"),
    "psutil": ("loadgen.engine.probe",),
    "uvloop": ("loadgen.engine.worker", "loadgen.relay", "target_app"),
    "matplotlib": ("reports.plots",),
    "jinja2": ("reports.template", "scenarios.handbook", "target_app.docs_page"),
    "markupsafe": ("reports.page", "reports.charts_page", "reports.sheet", "reports.live", "reports.calibration_page"),
    "rich": ("reports.terminal",),
    "packaging": ("scenarios.environment",),
    "flask": ("loadgen.locust_bridge.web",),
    "flask_login": ("loadgen.locust_bridge.web",),
    "hdrh": ("reports.hdr",),
    "pytest": ("scenarios.pytest_plugin",),
    "typer": ("scenarios.cli", "scenarios.commands"),
    "pydantic": (
        "scenarios.schema",
        "scenarios.validation",
        "scenarios.dialect_checks",
        "scenarios.dialect_files",
        "scenarios.dialect_schema",
        "target_app",
    ),
    "pydantic_core": ("scenarios.validation",),
    "jsonpath": ("loadgen.dialects.requests", "scenarios.dialect_checks"),
    "locust": ("loadgen.locust_bridge", "scenarios.locustfile"),
    "gevent": ("loadgen.locust_bridge", "scenarios.locustfile"),
    "numpy": (
        "loadgen.plan",
        "loadgen.measure",
        "reports.charts",
        "reports.curves",
        "reports.drift",
        "reports.hdr",
        "reports.plots",
        "reports.inference",
        "reports.power",
    ),
}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of ours: (dotted name, file)."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


MODULES = dict(modules())


@cache  # asked of each file by every test
def imports_of(path: Path) -> frozenset[str]:
    """The dotted names a file imports, those for type checking alone left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names if f"{node.module}.{alias.name}" in MODULES}
    return frozenset(names)


def within(name: str, folder: str) -> bool:
    """Whether a module is, or lies in, a folder."""
    return name == folder or name.startswith(folder + ".")


def is_package(name: str) -> bool:
    """Whether it is one of ours that only holds others."""
    return name in MODULES and MODULES[name].name == "__init__.py"


def is_pure(name: str) -> bool:
    """Whether a module is in the list."""
    return any(within(name, pure) for pure in PURE)


def reaches_outside(name: str) -> bool:
    """Whether what is imported by that name may do more than take values and give values."""
    library = name.partition(".")[0]
    if library in PACKAGES:
        return not is_pure(name)
    return library in OUTSIDE or library not in {*sys.stdlib_module_names, "numpy"}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    """From scenarios to reports to loadgen, there from engine to measure, plan, dialects; target_app stands apart."""
    folder = next((folder for folder in MAY_IMPORT if within(module, folder)), None)
    if folder is None:
        assert not imports_of(MODULES[module]) & set(MODULES), "a package's own docstring imports nothing"
        return
    ours = {name for name in imports_of(MODULES[module]) if name.partition(".")[0] in PACKAGES}
    wrong = {name for name in ours if not any(within(name, allowed) for allowed in MAY_IMPORT[folder])}

    assert not wrong, f"{module} must not import {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("module", [name for name in MODULES if is_pure(name)])
def test_pure_modules_import_nothing_that_does_io(module: str) -> None:
    """A pure module is told the time and the randomness, and touches no socket, file or process."""
    wrong = {name for name in imports_of(MODULES[module]) if name.partition(".")[0] in IMPURE}

    assert not wrong, f"{module} is pure and must not import {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("module", [name for name in MODULES if not is_pure(name) and not is_package(name)])
def test_what_reaches_for_nothing_outside_is_in_the_list_of_what_is_pure(module: str) -> None:
    """So that it is tried to the last branch (`make coverage`), and stays pure."""
    reasons = {name for name in imports_of(MODULES[module]) if not is_package(name) and reaches_outside(name)}

    assert reasons, f"{module} is pure: add it to PURE"


@pytest.mark.parametrize("library", DOORS)
def test_each_library_has_one_door(library: str) -> None:
    """So that it can be replaced, and found."""
    users = {
        module
        for module, path in MODULES.items()
        if any(name.partition(".")[0] == library for name in imports_of(path))
    }
    wrong = {module for module in users if not any(within(module, door) for door in DOORS[library])}

    assert users, f"nobody imports {library}: take its door out of this list"
    assert not wrong, f"{library} is imported outside its door by {', '.join(sorted(wrong))}"


def test_every_third_party_has_a_door() -> None:
    """A new library is let in on purpose."""
    standard = set(sys.stdlib_module_names)
    used = {name.partition(".")[0] for path in MODULES.values() for name in imports_of(path)}

    assert used - standard - set(PACKAGES) - set(DOORS) - {"__future__"} == set()
