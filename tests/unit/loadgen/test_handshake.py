"""What it means when a connection could not be opened."""

from __future__ import annotations

import errno

import pytest

from loadgen.engine.transport.handshake import failed, hung_up, kind_of_answer
from loadgen.errors import ErrorKind


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n", ErrorKind.HTTP_5XX),
        (b"HTTP/2 429\r\n", ErrorKind.HTTP_4XX),
        (b"HTTP/1.1 200 OK\r\n", ErrorKind.BAD_HANDSHAKE),
        (b"220 smtp.example.org\r\n", ErrorKind.BAD_HANDSHAKE),
    ],
)
def test_a_refusal_has_the_kind_of_its_status(answer: bytes, kind: ErrorKind) -> None:
    """Of any HTTP version; whatever else comes is no answer to a handshake."""
    assert kind_of_answer(answer) is kind


@pytest.mark.parametrize(
    ("error", "kind", "example"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), ErrorKind.REFUSED, "[Errno 111] refused"),
        (UnicodeError("label too long"), ErrorKind.DNS, "label too long"),
        (ValueError(), ErrorKind.PROTOCOL, "ValueError"),
    ],
)
def test_what_kept_it_from_being_opened_is_told_with_its_kind(error: Exception, kind: ErrorKind, example: str) -> None:
    """A host that no name can be is not found; an error without words has a name at least."""
    told = failed(error)

    assert (told.kind, str(told)) == (kind, example)


def test_a_server_may_hang_up_instead_of_answering() -> None:
    """Then the connection was reset."""
    assert hung_up().kind is ErrorKind.RESET
