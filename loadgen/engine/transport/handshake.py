"""What it means when a connection could not be opened, whichever library says it."""

from __future__ import annotations

import re

from loadgen.errors import ErrorKind, ServerError, kind_of_os_error, kind_of_status

# Of any HTTP version and any status: the libraries know HTTP/1.1 only, and picows the registered statuses only.
_REFUSAL = re.compile(rb"HTTP/\d(?:\.\d)? ([345]\d\d)\b")


def failed(error: Exception) -> ServerError:
    """What kept a connection from being opened, said by the operating system or the library."""
    return ServerError(_kind_of(error), str(error) or type(error).__name__)


def hung_up() -> ServerError:
    """The server closed the connection instead of answering."""
    return ServerError(ErrorKind.RESET, "the server hung up before it had answered the handshake")


def kind_of_answer(answer: bytes | bytearray) -> ErrorKind:
    """The kind of an answer to the handshake that does not open a connection; its first line is enough."""
    refusal = _REFUSAL.match(answer)
    return kind_of_status(int(refusal[1])) if refusal else ErrorKind.BAD_HANDSHAKE


def _kind_of(error: Exception) -> ErrorKind:
    match error:
        case UnicodeError():  # a host that no domain name can be
            return ErrorKind.DNS
        case OSError():
            return kind_of_os_error(error)
        case _:
            return ErrorKind.PROTOCOL
