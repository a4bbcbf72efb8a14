"""`make lock`: what pip would install, as lines of requirements.lock.

python -m tests.support.lock REPORT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# Of the environment itself, which has them before anything is installed.
_NOT_LOCKED = frozenset({"chatbench", "pip", "setuptools", "wheel"})


def lines_of(report: dict[str, Any]) -> list[str]:
    """One for each package of an installation report of pip, in the order of ``pip freeze``."""
    found = [each["metadata"] for each in report["install"]]
    return sorted(
        (f"{one['name']}=={one['version']}" for one in found if one["name"] not in _NOT_LOCKED), key=str.lower
    )


if __name__ == "__main__":
    print("\n".join(lines_of(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
