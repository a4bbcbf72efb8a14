"""Where something listens, as one writes it."""

from __future__ import annotations

import pytest

from loadgen.errors import InputError
from scenarios.endpoint import endpoint_of, endpoint_text, is_meant_as_endpoint, refuse_page


@pytest.mark.parametrize(
    ("written", "endpoint"),
    [
        (9464, ("127.0.0.1", 9464)),
        (0, ("127.0.0.1", 0)),
        ("9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:65535", ("0.0.0.0", 65535)),
        ("bench-1.example.org:80", ("bench-1.example.org", 80)),
        ("[::1]:9464", ("::1", 9464)),
    ],
)
def test_a_port_is_of_this_machine_alone_unless_an_address_is_named(
    written: int | str, endpoint: tuple[str, int]
) -> None:
    """Nobody is shown anything by accident."""
    assert endpoint_of(written) == endpoint


@pytest.mark.parametrize(
    "written", ["", ":9464", "host:", "host", "65536", "-1", "1e3", "::1:9464", "[::1]", "http://h:1", "a b:1", "h:1/x"]
)
def test_anything_else_is_refused(written: str) -> None:
    """Before anything starts."""
    with pytest.raises(ValueError, match="neither"):
        endpoint_of(written)


@pytest.mark.parametrize(("host", "text"), [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80")])
def test_it_is_written_as_in_an_address(host: str, text: str) -> None:
    """So that it can be followed."""
    assert endpoint_text(host, 80) == text
    assert endpoint_of(text) == (host, 80)


@pytest.mark.parametrize(
    ("word", "is_meant"),
    [
        *(("8090", True), ("99999", True), ("0.0.0.0:8090", True), ("[::1]:0", True), ("localhost:", True)),
        *(("auto", True), ("fanout", False), ("mine.toml", False), ("C:/mine.toml", False), ("--users", False)),
    ],
)
def test_what_follows_a_flag_may_be_its_value_or_the_scenario(word: str, is_meant: bool) -> None:
    """A wrong endpoint is still one, and complained of as such."""
    assert is_meant_as_endpoint(word) is is_meant


def test_a_page_follows_a_single_run() -> None:
    """A command that carries out many refuses it before the first of them."""
    refuse_page(None, "a sweep")
    with pytest.raises(InputError, match=r"--web: expected a single run for a page to follow .* got a sweep"):
        refuse_page(9464, "a sweep")
