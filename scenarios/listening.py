"""A port of ours: taken before anything starts, or refused in one line that names the flag."""

from __future__ import annotations

import socket

from loadgen.errors import InputError
from scenarios.endpoint import endpoint_of, endpoint_text

# What does not fit in here tries again a second later.
_BACKLOG = 128


def listen(flag: str, endpoint: int | str) -> socket.socket:
    """Listen where a scenario says; InputError at ``flag`` where that cannot be."""
    host, port = endpoint_of(endpoint)
    try:
        return _listening(host, port)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no name of a host"
        raise InputError(f"{flag}: cannot listen on {endpoint_text(host, port)}: {why}") from None


def listen_at_or_near(flag: str, host: str, port: int) -> socket.socket:
    """The same at this port, or at any other where it cannot be had, as where another program has it."""
    try:
        return _listening(host, port)
    except OSError:
        return listen(flag, endpoint_text(host, 0))


def url_of(listening: socket.socket, endpoint: int | str) -> str:
    """Where a browser finds it, by the name of the host that the scenario gave it."""
    host, _ = endpoint_of(endpoint)
    return f"http://{endpoint_text(host, listening.getsockname()[1])}"


def _listening(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        # The next run has it at once, however many of the last one's connections linger.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
