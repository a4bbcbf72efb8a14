"""Locust's own command line, as ``chatbench locust`` starts it: ``python -m loadgen.locust_bridge.start``."""

from __future__ import annotations

import sys

INTERRUPTED = 105


def start() -> None:
    """As ``python -m locust`` does, but for Ctrl-C while it gets ready, which is no bug and needs no traceback."""
    try:
        # It takes seconds, until the end of which nobody heeds signals.
        from locust.main import main

        main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    start()
