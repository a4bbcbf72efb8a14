"""Whose fault it was: errors of the person at the keyboard, and kinds of errors of the server.

    BenchError              printed as one line by the command line, never a traceback
     |- InputError          a scenario, flag, dialect file or directory that cannot be used: exit code 104
     '- TargetUnreachableError   nobody answers at the target, or it let nobody in: exit code 106

What a server does wrong is data: an :class:`ErrorKind`, counted in the document. Where it must travel up a call it is a
:class:`ServerError`, which never leaves the swarm.
"""

from __future__ import annotations

import errno
from enum import StrEnum


class BenchError(Exception):
    """Something its reader can put right; the text says where, what was wanted and what was found."""


class InputError(BenchError):
    """What was asked for cannot be done as written."""


class TargetUnreachableError(BenchError):
    """The server under test cannot be reached."""


class ServerError(Exception):
    """A request or connection that failed: the server's doing, or a limit of ours (``kind`` tells)."""

    def __init__(self, kind: ErrorKind, example: str) -> None:
        super().__init__(example)
        self.kind = kind


class ErrorKind(StrEnum):
    """Everything that can go wrong between us and a server."""

    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT = "timeout"
    DNS = "dns"
    TLS = "tls"
    UNREACHABLE = "unreachable"
    PROXY = "proxy"  # the proxy, not the server: it is not there, or does not let us through
    HTTP_3XX = "http_3xx"
    HTTP_4XX = "http_4xx"
    HTTP_5XX = "http_5xx"
    BAD_HANDSHAKE = "bad_handshake"
    BAD_RESPONSE = "bad_response"  # an answer that holds no token where the dialect says
    UNANSWERED = "unanswered"  # a request that was not made, since too many had no answer yet
    ERROR_FRAME = "error_frame"  # what the dialect says a server refuses something with
    ALIVE_TIMEOUT = "alive_timeout"  # a keep-alive that the dialect says is answered, and was not
    TEXT_CHANGED = "text_changed"  # a message whose marker is not as it was sent
    JOIN_TIMEOUT = "join_timeout"  # a join, or the frame to wait for after connecting, that never came
    PROTOCOL = "protocol"  # frames that break RFC 6455, or exceed what we take
    CLOSE_1000 = "close_1000"
    CLOSE_1001 = "close_1001"
    CLOSE_1002 = "close_1002"
    CLOSE_1003 = "close_1003"
    CLOSE_1005 = "close_1005"
    CLOSE_1006 = "close_1006"
    CLOSE_1007 = "close_1007"
    CLOSE_1008 = "close_1008"
    CLOSE_1009 = "close_1009"
    CLOSE_1011 = "close_1011"
    CLOSE_1012 = "close_1012"
    CLOSE_1013 = "close_1013"
    CLOSE_OTHER = "close_other"
    # Limits of our own machine: these are never the server's fault, and raise the doubt limit_hit.
    LIMIT_DESCRIPTORS = "limit_descriptors"
    LIMIT_PORTS = "limit_ports"
    LIMIT_MEMORY = "limit_memory"


OUR_LIMITS = frozenset({ErrorKind.LIMIT_DESCRIPTORS, ErrorKind.LIMIT_PORTS, ErrorKind.LIMIT_MEMORY})


def kind_of_status(status: int) -> ErrorKind:
    """The kind of an HTTP status that was not the one hoped for."""
    if 300 <= status < 400:
        return ErrorKind.HTTP_3XX
    if 400 <= status < 500:
        return ErrorKind.HTTP_4XX
    if 500 <= status < 600:
        return ErrorKind.HTTP_5XX
    return ErrorKind.BAD_RESPONSE


def kind_of_close(code: int) -> ErrorKind:
    """The kind of a close code (RFC 6455, 7.4.1; 1006 where no close frame came)."""
    try:
        return ErrorKind(f"close_{code}")
    except ValueError:
        return ErrorKind.CLOSE_OTHER


_OF_ERRNO = {
    errno.EMFILE: ErrorKind.LIMIT_DESCRIPTORS,
    errno.ENFILE: ErrorKind.LIMIT_DESCRIPTORS,
    errno.EADDRNOTAVAIL: ErrorKind.LIMIT_PORTS,
    errno.EADDRINUSE: ErrorKind.LIMIT_PORTS,  # of a source address that we chose
    errno.ENOMEM: ErrorKind.LIMIT_MEMORY,
    errno.ENOBUFS: ErrorKind.LIMIT_MEMORY,
    errno.ECONNREFUSED: ErrorKind.REFUSED,
    errno.ECONNRESET: ErrorKind.RESET,
    errno.EPIPE: ErrorKind.RESET,
    errno.ETIMEDOUT: ErrorKind.TIMEOUT,
}


def kind_of_os_error(error: OSError) -> ErrorKind:
    """The kind of what the operating system said about a connection."""
    # By name, since a pure module imports neither socket nor ssl.
    names = {base.__name__ for base in type(error).__mro__}
    if isinstance(error, TimeoutError):
        return ErrorKind.TIMEOUT
    if "gaierror" in names:
        return ErrorKind.DNS
    if "SSLError" in names:
        return ErrorKind.TLS
    return _OF_ERRNO.get(error.errno or 0, ErrorKind.UNREACHABLE)
