"""What documents and command lines show of passwords, tokens and headers."""

from __future__ import annotations

import pytest

from loadgen.plan.secrets import (
    Secrets,
    command_shown,
    complaint_shown,
    hidden,
    is_secret_header,
    line_shown,
)


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


@pytest.mark.parametrize(
    ("complaint", "shown"),
    [
        ("Got unexpected extra argument (X-Api-Key: abc)", "Got unexpected extra argument (X-Api-Key: ***"),
        ("No such option: --token Did you mean --tokens-file?", "No such option: --token Did you mean --tokens-file?"),
        ("Invalid value: 'http://ann:abc@host'", "Invalid value: 'http://ann:***@host'"),
    ],
)
def test_what_could_not_be_read_is_quoted_without_what_looks_like_a_secret(complaint: str, shown: str) -> None:
    """A header whose flag was forgotten, or an address; what says what to do stays."""
    assert hidden(complaint) == shown


def test_a_complaint_of_argparse_names_its_flag() -> None:
    """Also one that is called after tokens."""
    typed = "unrecognized arguments: --heder Authorization: Bearer abc"

    assert complaint_shown("argument --tokens-file: expected one argument") == (
        "argument --tokens-file: expected one argument"
    )
    assert complaint_shown(typed) == "unrecognized arguments: --heder Authorization: Bearer ***"


@pytest.mark.parametrize(
    "told", ["a\"b<&'c\\d", "a\\\"b<&'c\\\\d", "a&quot;b&lt;&amp;&apos;c\\d", "a\"b&lt;&amp;'c\\d", "a\"b<&\\'c\\\\d"]
)
def test_a_secret_is_found_in_whatever_a_dialect_or_a_server_makes_of_it(told: str) -> None:
    """As it is, in JSON, in XML of either kind, and as Python shows it."""
    assert Secrets.of(["a\"b<&'c\\d"]).hide(f"PASS {told}.") == "PASS ***."


def test_what_a_server_is_told_before_its_command_is_hidden() -> None:
    """By the name of the variable, in quotes or without; what is no secret stays."""
    command = """SECRET_KEY=abc PG_PASSWORD='a b' PORT=1 serve --db postgresql://ann:abc@db --tokens-file=t.txt"""

    assert line_shown(command) == (
        "SECRET_KEY=*** PG_PASSWORD=*** PORT=1 serve --db postgresql://ann:***@db --tokens-file=t.txt"
    )
    assert command_shown(["chatbench", "ab", "--head", "SECRET=abc serve"]) == "chatbench ab --head 'SECRET=*** serve'"


def test_what_a_server_repeats_without_end_is_looked_through_once() -> None:
    """It took minutes, and the worker with it, where each beginning was followed to the end of the text."""
    secrets = Secrets.of(("open-sesame",))

    for text in ("token" * 40_000, "eyJ-" * 50_000, "cookie " * 30_000, "token" + " " * 200_000):
        assert secrets.hide(text) == text
    assert secrets.hide("token" * 40_000 + "=open-sesame").endswith("token=***")
