"""HTTP requests to the server under test: logins, and messages of dialects that publish over HTTP."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import aiohttp

from loadgen.dialects import HttpAnswer, HttpRequest
from loadgen.engine.tls import tls_context
from loadgen.errors import OUR_LIMITS, ErrorKind, ServerError, kind_of_os_error
from loadgen.plan.access import DIRECT, Access, without_passwords

# A login answer is a few hundred bytes; a server that sends more than this is not listened to any further.
MAX_ANSWER_BYTES = 1024 * 1024

# A server could have it say something of each answer, 8 KB about a cookie for one, and fill a disk with that.
logging.getLogger("aiohttp").addHandler(logging.NullHandler())


class HttpClient:
    """A pool of connections that are used again. Use as an async context manager."""

    def __init__(
        self,
        base_url: str,
        headers: tuple[tuple[str, str], ...],
        *,
        access: Access = DIRECT,
        timeout_s: float,
        connection_count: int,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        """``connection_count`` requests at most are under way at a time; a caller beyond that waits.

        An answer of more than ``most_bytes`` is not read to its end, and is none.
        """
        self._most_bytes = most_bytes
        self._base_url = base_url
        parts = urlsplit(base_url)
        self._nameless_url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._is_named = _names_somebody(headers)
        self._proxy = access.proxy
        self._session = aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            # Each request carries what it needs; one user's cookies must not reach another.
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=_connector(base_url, access, connection_count),
        )

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def request(self, request: HttpRequest) -> HttpAnswer:
        """Send a request and read the whole answer, whatever its status; ServerError where there is none."""
        headers = list(request.headers)
        if request.content_type is not None:
            headers.append(("Content-Type", request.content_type))
        # Who is named in a header is not named in the address as well, which aiohttp would refuse.
        is_named = self._is_named or _names_somebody(request.headers)
        try:
            async with self._session.request(
                request.method,
                (self._nameless_url if is_named else self._base_url) + request.path,
                data=request.body,
                headers=headers,
                proxy=self._proxy,
                allow_redirects=False,  # a server must not send our load, or a password, elsewhere
            ) as response:
                body = b""
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > self._most_bytes:
                        raise ServerError(ErrorKind.BAD_RESPONSE, f"an answer of more than {self._most_bytes} bytes")
                return HttpAnswer(
                    response.status,
                    tuple(response.headers.items()),
                    tuple((name, morsel.value) for name, morsel in response.cookies.items()),
                    body,
                )
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            raise ServerError(_kind_of(error), without_passwords(_text_of(error)) or type(error).__name__) from error


def _names_somebody(headers: tuple[tuple[str, str], ...]) -> bool:
    return any(name.lower() == "authorization" for name, _ in headers)


def _connector(base_url: str, access: Access, connection_count: int) -> aiohttp.BaseConnector:
    if access.unix_socket is not None:  # it would speak no TLS there, whatever the URL says: https:// is refused before
        return aiohttp.UnixConnector(access.unix_socket, limit=connection_count)
    return aiohttp.TCPConnector(limit=connection_count, ssl=tls_context(base_url, access) or True)


def _text_of(error: Exception) -> str:
    # Its own text quotes the address, and a query may hold a password.
    if isinstance(error, aiohttp.ClientResponseError):
        return f"HTTP {error.status}: {error.message}"
    return str(error)


def _kind_of(error: Exception) -> ErrorKind:
    match error:
        case TimeoutError():
            return ErrorKind.TIMEOUT
        case aiohttp.ClientConnectorDNSError() | UnicodeError():  # the latter: a host that no domain name can be
            return ErrorKind.DNS
        case aiohttp.ClientSSLError():
            return ErrorKind.TLS
        case aiohttp.ClientProxyConnectionError():
            kind = kind_of_os_error(error.os_error)
            return kind if kind in OUR_LIMITS else ErrorKind.PROXY
        case aiohttp.ClientHttpProxyError():
            return ErrorKind.PROXY
        case aiohttp.ClientOSError() if error.errno is None:  # "Can not write request body"
            return ErrorKind.RESET
        case aiohttp.ClientOSError():
            return kind_of_os_error(error)
        case aiohttp.ServerDisconnectedError():
            return ErrorKind.RESET
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return ErrorKind.BAD_RESPONSE
        case OSError():
            return kind_of_os_error(error)
        case _:
            return ErrorKind.UNREACHABLE
