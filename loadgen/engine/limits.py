"""How many files a process may open: raised as far as we are allowed, and known before it is needed."""

from __future__ import annotations

import resource

# A process opens some files besides its sockets: the event loop's, the pipe, libraries, logins under way.
SPARE_FILES = 200


def raise_open_files_limit() -> int:
    """Raise the soft limit to the hard one; the number of files this process may open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def sockets_per_process() -> int:
    """How many sockets one process of ours can hold."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return hard - SPARE_FILES
