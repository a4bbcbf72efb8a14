"""`make audit`: known faults of the packages in requirements.lock; says so in a line where nobody can be asked."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

_LOCK = Path(__file__).parents[2] / "requirements.lock"
# OSV gathers the advisories of PyPI, and takes one question for each package.
_OSV = "https://api.osv.dev/v1/query"
_REACHED_WITHIN_S = 3
_ANSWERED_WITHIN_S = 120
_FLAGS = ("--no-deps", "--disable-pip", "--vulnerability-service", "osv", "--progress-spinner", "off", "--timeout", "5")


def audit(osv_url: str = _OSV, requirements: Path = _LOCK) -> int:
    """Exit code: 0 where nothing is known, or nobody could be asked."""
    parts = urlsplit(osv_url)
    place = parts.hostname or "", parts.port or 443
    asked = ("--osv-url", osv_url, "--requirement", str(requirements))
    try:
        socket.create_connection(place, _REACHED_WITHIN_S).close()
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *asked, *_FLAGS],
            capture_output=True,
            text=True,
            timeout=_ANSWERED_WITHIN_S,
            check=False,
        )
    except OSError as error:
        return _skipped(f"{place[0]}: {error}")
    except subprocess.TimeoutExpired:
        return _skipped(f"no answer within {_ANSWERED_WITHIN_S} s")
    # It ends with 1 as well where it could not ask.
    if done.returncode and "known vulnerabilit" not in done.stderr:
        return _skipped((done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1])
    print(done.stdout + done.stderr)
    return done.returncode


def _skipped(why: str) -> int:
    print(f"!! pip-audit SKIPPED, nobody has looked for known faults of our dependencies: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(audit())
