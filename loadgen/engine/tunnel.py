"""What an HTTP proxy is asked so that it connects us to a server, and its answer (CONNECT; RFC 9110, 9.3.6). Pure."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from loadgen.errors import OUR_LIMITS, ErrorKind, ServerError, kind_of_os_error

# No proxy that means it says more before it lets us through.
MAX_ANSWER_BYTES = 64 * 1024

_END_OF_HEAD = b"\r\n\r\n"
_STATUS_LINE = re.compile(rb"HTTP/1\.\d (\d{3}\b[^\r\n]*)")


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is, and who it is told we are."""

    host: str
    port: int
    credentials: str | None = None
    """name:password"""

    @classmethod
    def at(cls, url: str) -> Proxy:
        """That of an http:// URL, at port 80 where it names none; ValueError for a port that is none."""
        parts = urlsplit(url)
        name = None if parts.username is None else f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return cls(parts.hostname or "", parts.port or 80, name)

    def __str__(self) -> str:
        return f"proxy {_authority(self.host, self.port)}"

    def request(self, host: str, port: int) -> bytes:
        """What to send, so that what follows reaches the server at ``host`` and ``port``."""
        authority = _authority(host, port)
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        if self.credentials is not None:
            lines.append(f"Proxy-Authorization: Basic {b64encode(self.credentials.encode()).decode()}")
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode()

    def lets_through(self, answer: bytes) -> bool:
        """Whether all that it has answered so far says so; False: not yet. ServerError where it does not."""
        head, end, rest = answer.partition(_END_OF_HEAD)
        if not end and len(answer) < MAX_ANSWER_BYTES:
            return False
        said = _STATUS_LINE.match(head)
        if said is None or not end:
            raise self.failed("it did not answer CONNECT in HTTP")
        if not said[1].startswith(b"2"):
            raise self.failed(f"it answered {said[1].decode(errors='replace').strip()}")
        if rest:
            raise self.failed("it said something that the server cannot have said, since nobody has asked it anything")
        return True

    def hung_up(self) -> ServerError:
        """It closed the connection instead of answering."""
        return self.failed("it hung up before it had answered CONNECT")

    def unreachable(self, error: OSError) -> ServerError:
        """Why there is no connection to it; what our own machine has run out of stays that."""
        kind = kind_of_os_error(error)
        return self.failed(error.strerror or str(error), kind if kind in OUR_LIMITS else ErrorKind.PROXY)

    def failed(self, why: str, kind: ErrorKind = ErrorKind.PROXY) -> ServerError:
        """It has not connected us."""
        return ServerError(kind, f"{self}: {why}")


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
