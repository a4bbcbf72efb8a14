"""What a proxy is asked, and what its answer means."""

from __future__ import annotations

import errno
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.engine.tunnel import MAX_ANSWER_BYTES, Proxy
from loadgen.errors import ErrorKind, ServerError

PROXY = Proxy("proxy.example.org", 3128)


def test_a_proxy_is_where_its_url_says() -> None:
    """At port 80 where it names none, since it is http://."""
    assert Proxy.at("http://proxy.example.org:3128") == PROXY
    assert Proxy.at("http://127.0.0.1/") == Proxy("127.0.0.1", 80)
    assert Proxy.at("http://ann:p%40ss@[::1]:1") == Proxy("::1", 1, "ann:p@ss")
    assert Proxy.at("http://ann@a") == Proxy("a", 80, "ann:")


def test_it_is_asked_for_the_host_and_port_of_the_server() -> None:
    """Those of IPv6 in brackets, or nobody could tell the port."""
    request = b"CONNECT chat.example.org:443 HTTP/1.1\r\nHost: chat.example.org:443\r\n\r\n"

    assert PROXY.request("chat.example.org", 443) == request
    assert PROXY.request("::1", 80).startswith(b"CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n")


@given(st.text(st.characters(codec="utf-8")))
def test_a_password_arrives_as_it_is(password: str) -> None:
    """In UTF-8 (RFC 7617, 2.1), and no line break of it ends the header."""
    request = Proxy("a", 1, f"ann:{password}").request("b", 2)
    basic = request.split(b"\r\n")[2].removeprefix(b"Proxy-Authorization: Basic ")

    assert b64decode(basic).decode() == f"ann:{password}"
    assert request.count(b"\r\n") == 4


@given(st.integers(0, 60), st.sampled_from(["200 OK", "200", "204 Fine", "299 Connection established"]))
def test_an_answer_in_pieces_is_waited_for(cut: int, status: str) -> None:
    """It is complete with its empty line, and not before."""
    answer = f"HTTP/1.1 {status}\r\nVia: 1.1 a\r\n\r\n".encode()

    assert PROXY.lets_through(answer)
    assert not PROXY.lets_through(answer[: min(cut, len(answer) - 1)])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "it answered 407 Proxy Authentication Required"),
        (b"HTTP/1.0 502\r\nContent-Length: 4\r\n\r\noops", "it answered 502"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://a\r\n\r\n", "it answered 302 Found"),
        (b"\r\n\r\n", "it did not answer CONNECT in HTTP"),
        (b"220 mail.example.org\r\n\r\n", "it did not answer CONNECT in HTTP"),
        (b"HTTP/1.1 2000 No\r\n\r\n", "it did not answer CONNECT in HTTP"),
        (b"x" * MAX_ANSWER_BYTES, "it did not answer CONNECT in HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 ", "it said something that the server cannot have said"),
    ],
)
def test_any_other_answer_is_told(answer: bytes, why: str) -> None:
    """With who says so: it is not the server."""
    with pytest.raises(ServerError) as caught:
        PROXY.lets_through(answer)

    assert caught.value.kind is ErrorKind.PROXY
    assert str(caught.value).startswith(f"proxy proxy.example.org:3128: {why}")


def test_what_our_machine_has_run_out_of_is_not_the_proxys_fault() -> None:
    """It is one of our limits, and makes the run doubtful."""
    assert PROXY.unreachable(OSError(errno.EMFILE, "Too many open files")).kind is ErrorKind.LIMIT_DESCRIPTORS
    assert PROXY.unreachable(OSError(errno.ECONNREFUSED, "Connection refused")).kind is ErrorKind.PROXY


def test_a_proxy_that_hangs_up_is_blamed_for_it() -> None:
    """And not the server behind it."""
    error = PROXY.hung_up()

    assert error.kind is ErrorKind.PROXY
    assert str(error) == "proxy proxy.example.org:3128: it hung up before it had answered CONNECT"
