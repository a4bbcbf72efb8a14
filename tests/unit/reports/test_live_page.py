"""The live page, as it is sent; what its script does is tested in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from reports.live.page import render

EVIL = """</script><script>alert(1)</script>'"><img src=x onerror=alert(1)>"""


def policy_of(page: str) -> str:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found is not None
    return found[1].replace("&#39;", "'")


def settings_of(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="settings">(.*?)</script>', page)
    assert found is not None
    settings = json.loads(found[1])
    assert isinstance(settings, dict)
    return settings


@pytest.mark.parametrize(("kind", "element"), [("style", "<style>"), ("script", '<script type="module">')])
def test_the_policy_lets_nothing_but_our_own_act(kind: str, element: str) -> None:
    """The digests are those of the very text between the tags; a browser refuses any other."""
    page = render("/figures")
    text = page.split(element)[1].split(f"</{kind}>")[0]

    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert f"{kind}-src 'sha256-{digest}'" in policy_of(page)
    assert "unsafe" not in policy_of(page)


def test_the_page_needs_nothing_but_its_feed() -> None:
    """A test network has no way out, so no library, font or picture comes from elsewhere."""
    page = render("/figures")

    linked = re.findall(r"""\b(?:src|href|action|srcset)=["']?([^"'\s>]*)""", page)
    assert all(link.startswith("data:") for link in linked)
    assert not re.search(r"url\(|@import", page)
    assert "default-src 'none'" in policy_of(page)
    assert "connect-src 'self'" in policy_of(page)


def test_the_script_is_told_where_to_ask() -> None:
    """Under whatever path the page is served."""
    assert settings_of(render("/chatbench/data"))["data_url"] == "/chatbench/data"


def test_the_way_home_is_there_only_where_there_is_a_home() -> None:
    """Served alone, the page has nowhere to go back to."""
    assert "&larr;" not in render("/figures")
    assert re.search(r'<a href="/locust/">&larr; Locust</a>', render("/figures", "/locust/", "Locust"))


def test_addresses_and_names_are_no_html() -> None:
    """They come from a command line, or from a server's configuration."""
    page = render(EVIL, EVIL, EVIL)

    assert settings_of(page)["data_url"] == EVIL
    assert EVIL not in page
    assert "<img" not in page
    assert page.count("<script") == 2


def test_no_text_becomes_html() -> None:
    """What would read a text as HTML is not used; trusted types make the browser refuse it as well."""
    page = render("/figures")

    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|DOMParser", page)
    assert "require-trusted-types-for 'script'" in policy_of(page)
