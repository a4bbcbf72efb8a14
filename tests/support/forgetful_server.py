"""`python -m tests.support.forgetful_server FLAGS`: a reference server whose rooms remember five messages.

So most of what is read of their history comes from the store.
"""

import os
import sys
from dataclasses import replace

from target_app.server import serve
from target_app.settings import read_settings

FORGETFUL = [sys.executable, "-m", "tests.support.forgetful_server"]


def main() -> None:
    """Serve until told to stop."""
    settings = read_settings(sys.argv[1:], os.environ)
    serve(replace(settings, limits=replace(settings.limits, recent_per_room=5)))


if __name__ == "__main__":
    main()
