"""`make audit`: known faults of the packages in requirements.lock; says so in a line where nobody can be asked."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

_LOCK = Path(__file__).parents[2] / "requirements.lock"
# OSV gathers the advisories of PyPI, and takes one question for each package.
_HOST, _PORT = "api.osv.dev", 443
_REACHED_WITHIN_S = 3
_ANSWERED_WITHIN_S = 120
_COMMAND = ("-m", "pip_audit", "--requirement", str(_LOCK), "--no-deps", "--disable-pip")
_FLAGS = ("--vulnerability-service", "osv", "--progress-spinner", "off", "--timeout", "5")


def main() -> int:
    """Exit code: 0 where nothing is known, or nobody could be asked."""
    try:
        socket.create_connection((_HOST, _PORT), _REACHED_WITHIN_S).close()
        audit = subprocess.run(
            [sys.executable, *_COMMAND, *_FLAGS],
            capture_output=True,
            text=True,
            timeout=_ANSWERED_WITHIN_S,
            check=False,
        )
    except OSError as error:
        return _skipped(f"{_HOST}: {error}")
    except subprocess.TimeoutExpired:
        return _skipped(f"no answer within {_ANSWERED_WITHIN_S} s")
    if audit.returncode and "known vulnerabilit" not in audit.stderr:
        return _skipped((audit.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1])
    print(audit.stdout + audit.stderr)
    return audit.returncode


def _skipped(why: str) -> int:
    print(f"!! pip-audit SKIPPED, nobody has looked for known faults of our dependencies: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
