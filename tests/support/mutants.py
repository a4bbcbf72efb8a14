"""What ``make mutants`` has come to so far: a table by module, and what goes unnoticed; from mutmut's own files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

_KINDS = {
    0: "survived",
    1: "noticed by a test",
    3: "noticed by a test",  # pytest itself broke down
    2: "not tried",  # interrupted
    5: "run by no test",
    33: "run by no test",
    37: "noticed by mypy",
    None: "not tried",
}
# Those that end by a signal: given up, since they take more time than their tests would.
_ENDLESS = "endless"
_COLUMNS = ("noticed by a test", "noticed by mypy", _ENDLESS, "survived", "run by no test", "not tried")


def main() -> None:
    """Print both."""
    found = {
        str(path.relative_to("mutants")).removesuffix(".py.meta"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(Path("mutants").rglob("*.py.meta"))
    }
    codes = {module: meta["exit_code_by_key"] for module, meta in found.items() if meta["exit_code_by_key"]}
    print(f"| module | mutants | {' | '.join(_COLUMNS)} |")
    print("|---" * (2 + len(_COLUMNS)) + "|")
    for module, of_module in codes.items():
        counts = Counter(kind_of(code) for code in of_module.values())
        print(f"| {module} | {len(of_module)} | {' | '.join(str(counts[column]) for column in _COLUMNS)} |")
    print()
    for of_module in codes.values():
        for name, code in of_module.items():
            if kind_of(code) not in _COLUMNS[:3]:
                print(f"{kind_of(code)}: {name}")


def kind_of(code: int | None) -> str:
    """What became of a mutant whose tests ended with that code; None: they were not run."""
    return _KINDS.get(code, _ENDLESS)


if __name__ == "__main__":
    main()
