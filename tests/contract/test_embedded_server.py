"""The reference server as a run starts it for itself."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path

import pytest

from scenarios.target import Wish, embedded

WEEK_S = 7 * 86_400


def lifetime_s(wish: Wish, log: Path) -> float:
    """How long it says that a token of it is good."""

    async def ask() -> float:
        with log.open("wb") as stream:
            async with embedded(wish, stream) as own:
                return await asyncio.to_thread(granted_s, own.url)

    return asyncio.run(ask())


def granted_s(url: str) -> float:
    body = json.dumps({"username": "user1", "password": "password1"}).encode()
    asked = urllib.request.Request(f"{url}/login", body, {"Content-Type": "application/json"})  # noqa: S310  # our own
    with urllib.request.urlopen(asked) as answer:  # noqa: S310
        return float(json.loads(answer.read())["expires_in"])


@pytest.mark.parametrize("restarts", [False, True])
def test_no_connection_ends_with_its_token_in_the_middle_of_a_long_run(restarts: bool, tmp_path: Path) -> None:
    """It once did after an hour, of every user at once."""
    assert lifetime_s(Wish(1, restarts=restarts), tmp_path / "log") > WEEK_S


def test_tokens_end_where_a_scenario_wants_it(tmp_path: Path) -> None:
    """As token_expiry does."""
    assert lifetime_s(Wish(1, token_lifetime_s=20), tmp_path / "log") == 20
