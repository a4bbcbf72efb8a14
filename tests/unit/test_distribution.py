"""What is looked at before a wheel goes out."""

from __future__ import annotations

from tests.support.distribution import ROOT, files_of_packages, wrong_with

METADATA = """Metadata-Version: 2.4
Name: chatbench
License-Expression: MIT
Requires-Dist: fastapi<1,>=0.115
Requires-Dist: packaging>=24
Requires-Dist: redis[hiredis]; extra == 'redis'
"""
INFORMATION = "chatbench-0.1.0.dist-info/"
SOUND = {
    "reports/page.py": b"",
    "reports/templates/report.html.j2": b"",
    f"{INFORMATION}METADATA": METADATA.encode(),
    f"{INFORMATION}RECORD": b"",
    f"{INFORMATION}licenses/LICENSE": b"",
    f"{INFORMATION}licenses/reports/vendor/uPlot.LICENSE": b"",
}
WANTED = ("reports/page.py", "reports/templates/report.html.j2")


def test_a_wheel_with_the_files_of_the_packages_and_both_licences_is_sound() -> None:
    """An extra may ask for any version."""
    assert wrong_with(SOUND, WANTED) == []


def test_a_wheel_that_lacks_something_or_has_too_much_is_not() -> None:
    """Each is named."""
    poor = {name: data for name, data in SOUND.items() if not name.endswith((".j2", "uPlot.LICENSE"))}

    assert wrong_with(poor | {"tests/conftest.py": b"", "runs/result.json": b""}, WANTED) == [
        "it lacks reports/templates/report.html.j2",
        "it should not have runs/result.json",
        "it should not have tests/conftest.py",
        "it lacks the licence reports/vendor/uPlot.LICENSE",
    ]


def test_a_dependency_without_bounds_and_another_licence_are_told() -> None:
    """What is newer than what was tried may break whoever installs."""
    changed = METADATA.replace("fastapi<1,>=0.115", "fastapi>=0.115").replace("MIT", "LicenseRef-Ours")

    assert wrong_with(SOUND | {f"{INFORMATION}METADATA": changed.encode()}, WANTED) == [
        "its licence is LicenseRef-Ours, and not MIT by SPDX",
        "it asks for fastapi>=0.115 without bounds",
    ]


def test_templates_dialects_and_scenarios_are_among_the_files_of_the_packages() -> None:
    """What Python does not import is what a build forgets."""
    kinds = {name.rpartition(".")[2] for name in files_of_packages(ROOT)}

    assert {"py", "toml", "j2", "js", "css", "html", "svg"} <= kinds
