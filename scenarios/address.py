"""The address of a target, as it was typed and as it is used."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from loadgen.errors import InputError
from loadgen.plan.access import without_passwords
from scenarios.layers import Layers
from scenarios.schema import Scenario


def settle_target(scenario: Scenario, layers: Layers) -> tuple[str, ...]:
    """The base URL of each node; none where the server is to be one of ours."""
    url = scenario.target.url
    urls = [] if url is None else [url] if isinstance(url, str) else url
    if url == []:
        raise InputError(f"{layers.label('target.url')}: expected an address, or a list of them, got []")
    return tuple(base_url_of(each, layers.label("target.url")) for each in urls)


def base_url_of(url: str, label: str) -> str:
    """The http:// or https:// form of a target's address, without a slash at the end; InputError at ``label``."""
    wrong = InputError(
        f'{label}: expected an address like "http://127.0.0.1:8000" or "wss://chat.example.org", '
        f"got {json.dumps(without_passwords(url))}"
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    scheme = {"http": "http", "https": "https", "ws": "http", "wss": "https"}.get(parts.scheme)
    if scheme is None or not parts.hostname or port == 0 or parts.query or parts.fragment or not url.isprintable():
        raise wrong
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}"
