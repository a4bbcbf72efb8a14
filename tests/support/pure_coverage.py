"""Runs the unit tests, and tells which branches of the pure modules they leave out: make coverage.

What is pure can be tried to the last branch without a socket or a clock, so nothing may be left out. The list of pure
modules is that of tests/unit/test_architecture.py. A branch that no user can reach is removed, not excused.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.unit.test_architecture import MODULES, PURE, ROOT, within

# Run side by side, the longest first. The other tests of tests/unit try benchmarks, documents and pipelines.
TESTS = [f"tests/unit/{package}" for package in ("reports", "loadgen", "scenarios", "target_app")]
# They draw what others have looked at, for minutes.
SKIPPED = "not pictures_are_drawn"


def main() -> int:
    """0 where every line and branch was run and no test failed."""
    with tempfile.TemporaryDirectory() as place:
        settings = Path(place, "coverage.ini")
        settings.write_text(_settings(place), encoding="utf-8")
        # The same examples each time, or another branch would be left out each time.
        environment = os.environ | {"CI": "1"}

        def coverage(*words: str) -> int:
            command = [sys.executable, "-m", "coverage", words[0], "--rcfile", str(settings), *words[1:]]
            return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode

        def tried(folder: str) -> int:
            return coverage("run", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", SKIPPED, folder)

        with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
            failed = max(side_by_side.map(tried, TESTS))
        coverage("combine", "--quiet")
        return coverage("report") or failed


def _settings(place: str) -> str:
    pure = [path for name, path in MODULES.items() if any(within(name, folder) for folder in PURE)]
    include = "".join(f"\n    {path}" for path in pure)
    return f"""
[run]
branch = true
parallel = true
data_file = {place}/data
include = {include}
[report]
fail_under = 100
show_missing = true
skip_covered = true
"""


if __name__ == "__main__":
    sys.exit(main())
