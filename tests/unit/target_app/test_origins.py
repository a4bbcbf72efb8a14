"""Whose pages may connect."""

import pytest

from target_app.origins import is_allowed, normalized

OTHERS = frozenset({"https://app.example", "http://localhost:3000"})


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "chat.example"),
        ("http://chat.example", "chat.example"),
        ("https://chat.example", "chat.example"),  # a proxy ends TLS
        ("https://Chat.Example", "chat.example:443"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("https://app.example", "chat.example"),
        ("HTTPS://app.example:443", "chat.example"),
        ("http://localhost:3000", "localhost:8000"),
    ],
)
def test_our_own_pages_and_those_we_were_told_of_are_let_in(origin: str | None, host: str) -> None:
    """And programs, which send no origin."""
    assert is_allowed(origin, host, OTHERS)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "chat.example"),
        ("http://chat.example.evil.example", "chat.example"),
        ("http://chat.example:8080", "chat.example"),
        ("http://chat.example", "chat.example:8000"),
        ("null", "chat.example"),
        ("", "chat.example"),
        ("file://", "chat.example"),
        ("chat.example", "chat.example"),
        ("http://chat.example/path", "chat.example"),
        ("http://chat.example:port", "chat.example"),
        ("http://[::1", "[::1]"),
        ("http://evil.example", None),
    ],
)
def test_a_foreign_page_is_not(origin: str, host: str | None) -> None:
    """Nor what is no origin at all."""
    assert not is_allowed(origin, host, OTHERS)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("https://App.Example:443", "https://app.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("app.example", None),
        ("https://app.example/chat", None),
    ],
)
def test_an_origin_is_compared_as_browsers_write_it(given: str, written: str | None) -> None:
    """Lower case, and without the usual port."""
    assert normalized(given) == written
