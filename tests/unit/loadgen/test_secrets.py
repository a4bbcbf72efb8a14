"""What documents and command lines show of passwords, tokens and headers."""

from __future__ import annotations

import pytest

from loadgen.plan.secrets import Secrets, command_shown, is_secret_header


@pytest.mark.parametrize("name", ["Authorization", "cookie", "X-Api-Key", "X-Mine", "Proxy-Authorization"])
def test_what_a_header_holds_is_hidden_unless_it_says_nothing(name: str) -> None:
    """A name of somebody's own may stand for a password."""
    assert is_secret_header(name)
    assert not any(map(is_secret_header, ("Origin", "User-Agent", "Accept-Language", "X-Forwarded-For")))


def test_a_command_line_is_shown_without_secrets() -> None:
    """In either spelling of a flag; what is no secret stays, so that it can be typed again."""
    headers = ["--header", "Authorization: Bearer abc", "--header=Cookie: s=abc", "--header", "Origin: me"]
    shown = command_shown(
        ["chatbench", "run", *headers, "--target", "http://ann:abc@host", "--header", "abc", "--users", "5"]
    )

    assert shown == (
        "chatbench run --header 'Authorization: ***' '--header=Cookie: ***' --header 'Origin: me' "
        "--target http://ann:***@host --header '***' --users 5"
    )


def test_what_a_server_says_back_is_shown_without_what_we_said() -> None:
    """A token as it is or in a URL, a password, and what a header holds behind its scheme."""
    secrets = Secrets.of(
        ("a token/1", "open-sesame", None), (("Authorization", "Bearer abcdef"), ("Origin", "http://h"))
    )

    told = secrets.hide("GET /ws?t=a%20token%2F1 from http://h: PASS open-sesame, abcdef")

    assert told == "GET /ws?t=*** from http://h: PASS ***, ***"
