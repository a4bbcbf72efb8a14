"""How many files a process may open: raised as far as we are allowed, and known before it is needed."""

from __future__ import annotations

import resource

# Where no limit is set, the kernel has one of its own for a process (fs.nr_open), a million by default.
UNLIMITED_FILES = 1_048_576

# A process opens some files besides its sockets: the event loop's, the pipe, libraries, logins under way.
SPARE_FILES = 200


def raise_open_files_limit() -> int:
    """Raise the soft limit to the hard one; the number of files this process may open."""
    hard = _hard_limit()
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return hard


def sockets_per_process() -> int:
    """How many sockets one process of ours can hold."""
    return _hard_limit() - SPARE_FILES


def _hard_limit() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return UNLIMITED_FILES if hard == resource.RLIM_INFINITY else hard
