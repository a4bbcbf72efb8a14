"""Kinds of errors: a closed list that everything a network does maps into."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from loadgen.errors import ErrorKind, kind_of_close, kind_of_os_error, kind_of_status


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, ErrorKind.HTTP_3XX),
        (401, ErrorKind.HTTP_4XX),
        (429, ErrorKind.HTTP_4XX),
        (503, ErrorKind.HTTP_5XX),
        (200, ErrorKind.BAD_RESPONSE),
        (999, ErrorKind.BAD_RESPONSE),
    ],
)
def test_a_status_has_a_kind(status: int, kind: ErrorKind) -> None:
    """By its first digit."""
    assert kind_of_status(status) is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1000, ErrorKind.CLOSE_1000),
        (1006, ErrorKind.CLOSE_1006),
        (1013, ErrorKind.CLOSE_1013),
        (4401, ErrorKind.CLOSE_OTHER),
    ],
)
def test_a_close_code_has_a_kind(code: int, kind: ErrorKind) -> None:
    """Those of RFC 6455 have their own, an application's share one."""
    assert kind_of_close(code) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), ErrorKind.REFUSED),
        (ConnectionResetError(errno.ECONNRESET, "reset"), ErrorKind.RESET),
        (TimeoutError(), ErrorKind.TIMEOUT),
        (socket.gaierror(-2, "unknown"), ErrorKind.DNS),
        (ssl.SSLError(1, "bad certificate"), ErrorKind.TLS),
        (OSError(errno.EMFILE, "too many open files"), ErrorKind.LIMIT_DESCRIPTORS),
        (OSError(errno.EADDRNOTAVAIL, "no port left"), ErrorKind.LIMIT_PORTS),
        (OSError(errno.ENETUNREACH, "no way"), ErrorKind.UNREACHABLE),
    ],
)
def test_an_error_of_the_system_has_a_kind(error: OSError, kind: ErrorKind) -> None:
    """And limits of our own machine are told apart from what a server does."""
    assert kind_of_os_error(error) is kind
