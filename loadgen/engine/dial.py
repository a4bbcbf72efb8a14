"""A connected socket to a server, whatever lies between: nothing, a unix socket, or an HTTP proxy."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

from loadgen.engine.tunnel import MAX_ANSWER_BYTES, Proxy
from loadgen.plan.access import Access


async def dialled(access: Access, host: str, port: int, local_address: str | None = None) -> socket.socket:
    """A socket over which the server at ``host`` and ``port`` hears us, non-blocking; the caller closes it.

    It leaves from ``local_address``, where given. OSError, or ServerError where a proxy does not let us through.
    """
    loop = asyncio.get_running_loop()
    if access.unix_socket is not None:
        with _kept(socket.socket(socket.AF_UNIX)) as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, access.unix_socket)
            return sock
    if access.proxy is None:
        return await _connected(host, port, local_address)
    proxy = Proxy.at(access.proxy)
    try:
        reached = await _connected(proxy.host, proxy.port, local_address)
    except OSError as error:
        raise proxy.unreachable(error) from error
    with _kept(reached) as sock:
        await loop.sock_sendall(sock, proxy.request(host, port))
        answer = b""
        while not proxy.lets_through(answer):
            answer += _or_hung_up(await loop.sock_recv(sock, MAX_ANSWER_BYTES), proxy)
        return sock


def dialled_at_once(access: Access, host: str, port: int, timeout_s: float) -> socket.socket:
    """The same for who has no event loop: a blocking socket. TimeoutError where a step takes longer."""
    if access.unix_socket is not None:
        with _kept(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(timeout_s)
            sock.connect(access.unix_socket)
            return sock
    if access.proxy is None:
        return socket.create_connection((host, port), timeout_s)
    proxy = Proxy.at(access.proxy)
    try:
        reached = socket.create_connection((proxy.host, proxy.port), timeout_s)
    except OSError as error:
        raise proxy.unreachable(error) from error
    with _kept(reached) as sock:
        sock.sendall(proxy.request(host, port))
        answer = b""
        while not proxy.lets_through(answer):
            answer += _or_hung_up(sock.recv(MAX_ANSWER_BYTES), proxy)
        return sock


async def _connected(host: str, port: int, local_address: str | None) -> socket.socket:
    """The first of the host's addresses that takes a connection; else the OSError of the last."""
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            with _kept(socket.socket(family, kind, protocol)) as sock:
                sock.setblocking(False)
                if local_address is not None:
                    sock.bind((local_address, 0))
                await loop.sock_connect(sock, address)
                return sock
        except OSError as error:
            failure = error
    raise failure or OSError(f"{host} has no address")


def _or_hung_up(chunk: bytes, proxy: Proxy) -> bytes:
    if not chunk:
        raise proxy.hung_up()
    return chunk


@contextlib.contextmanager
def _kept(sock: socket.socket) -> Iterator[socket.socket]:
    """It stays open where nothing goes wrong meanwhile."""
    try:
        yield sock
    except BaseException:
        sock.close()
        raise
