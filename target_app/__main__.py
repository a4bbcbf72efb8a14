"""`python -m target_app`: the command line of the reference server."""

import logging
import os
import sys

from target_app.nodes.bus import BusError
from target_app.server import CannotListenError, serve
from target_app.settings import SettingsError, read_settings
from target_app.store import StoreError
from target_app.truth import TruthError
from target_app.workers import serve_by_workers

# The exit code of every chatbench program for a command line it cannot follow.
BAD_SETTINGS = 104
CANNOT_LISTEN = 1

log = logging.getLogger("target_app")


def main() -> int:
    """Run the server to its end; the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    # It warns of every broken form, and so lets any stranger fill the log.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    try:
        settings = read_settings(sys.argv[1:], os.environ)
        if settings.secret_is_random:
            log.info("CHATBENCH_SECRET is not set: tokens are good for this process only")
        if settings.admin_password is None:
            log.info("CHATBENCH_ADMIN_PASSWORD is not set: nobody can log in as admin")
        if settings.database_url is None:
            log.info("--db is not set: messages are forgotten when the server stops; --db sqlite:///chat.db keeps them")
        if settings.faults is not None:
            log.warning("faults are on, on purpose: %s", "; ".join(settings.faults.texts()) or "none in the file")
        if settings.worker_count > 1:
            return serve_by_workers(settings, sys.argv[1:], os.environ)
        serve(settings)
    except (SettingsError, TruthError, StoreError, BusError) as error:
        sys.stderr.write(f"target_app: {error}\n")
        return BAD_SETTINGS
    except CannotListenError as error:
        sys.stderr.write(f"target_app: {error}\n")
        return CANNOT_LISTEN
    return 0


if __name__ == "__main__":
    sys.exit(main())
