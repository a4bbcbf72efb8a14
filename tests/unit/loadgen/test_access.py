"""Passwords do not leave the URLs that they stand in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan.access import DIRECT, Access, without_passwords

# What may stand in a password as it is; a slash, a question mark and a hash would end the host (RFC 3986, 3.2).
IN_A_PASSWORD = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="/?#"), min_size=1)


@given(IN_A_PASSWORD)
def test_no_password_is_left_however_it_is_written(password: str) -> None:
    """Even one that has an @ or a colon in it."""
    assert without_passwords(f"run --proxy http://ann:{password}@host:1 -q") == "run --proxy http://ann:***@host:1 -q"


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8000",
        "http://ann@host",
        "http://host:80 mail@example.org",
        "https://host:80/a:b@c",
        "https://host:80?mail=a@b",
        "ann:secret@host",
        "",
    ],
)
def test_what_is_no_password_stays(text: str) -> None:
    """Ports, names, and whatever stands behind the host."""
    assert without_passwords(text) == text


def test_several_urls_lose_their_passwords_each_by_itself() -> None:
    """A command line has many."""
    text = "http://a:1@b 'ws://c:2@d/e' x=https://f:3@[::1]:4"

    assert without_passwords(text) == "http://a:***@b 'ws://c:***@d/e' x=https://f:***@[::1]:4"


def test_a_key_in_place_of_a_name_and_one_in_a_query_are_passwords() -> None:
    """Services take a key for a name, and figures are kept behind a token."""
    text = "curl 'https://key:@host/metrics?x=1&api_token=abc#top' http://h?token=abc http://h?room=tea&monkeys"

    assert without_passwords(text) == (
        "curl 'https://***:***@host/metrics?x=1&api_token=***#top' http://h?token=*** http://h?room=tea&monkeys"
    )


def test_who_is_asked_to_connect_us_is_not_the_server() -> None:
    """Certificates change nothing about that."""
    assert DIRECT.is_direct
    assert Access(verify_tls=False, ca_file="a", client_cert_file="b").is_direct
    assert not Access(proxy="http://a").is_direct
    assert not Access(unix_socket="/a").is_direct
