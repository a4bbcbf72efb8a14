"""Who is where, asked of every server again and again until all say the same, and beside what is true."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from target_app.accounts import generated_password
from target_app.settings import DEFAULT_ACCOUNTS_KEY

# The kernel deals connections out among the workers of a port: of two, one is missed by all of these once in 4,000.
ASKED = 12
AGAIN_AFTER_S = 1.0
_TIMEOUT_S = 15.0

Rooms = Mapping[str, frozenset[str]]


def expected_rooms(user_count: int, room_count: int) -> Rooms:
    """Who is in which room of the scenario, when everybody is there."""
    return {
        f"room-{room + 1}": frozenset(f"user-{user + 1:06d}" for user in range(room, user_count, room_count))
        for room in range(room_count)
    }


async def wrong_presence(urls: Sequence[str], rooms: Rooms, within_s: float) -> list[str]:
    """What servers still say that is not true when the time is over; returns as soon as nothing is."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + within_s
    while True:
        told = await asyncio.gather(*(asyncio.to_thread(_wrong, url, rooms) for url in urls))
        wrong = [line for lines in told for line in lines]
        if not wrong or loop.time() >= until_s:
            return wrong
        await asyncio.sleep(AGAIN_AFTER_S)


def _wrong(url: str, rooms: Rooms) -> list[str]:
    everybody = frozenset().union(*rooms.values())
    paths = {f"/rooms/{room}/users": users for room, users in rooms.items()} | {"/users/online": everybody}
    try:
        token = _token(url)
        found = [
            _difference(path, users, _names(url, path, token)) for path, users in paths.items() for _ in range(ASKED)
        ]
    except (OSError, HTTPException, ValueError, KeyError) as error:
        return [f"{url}: {type(error).__name__}: {error}"]
    return [f"{url}{line}" for line in dict.fromkeys(found) if line]


def _difference(path: str, true: frozenset[str], told: frozenset[str]) -> str:
    parts = [("missing", sorted(true - told)), ("too many", sorted(told - true))]
    return "; ".join(f"{path}: {len(names)} {what} ({names[0]}, ...)" for what, names in parts if names)


def _token(url: str) -> str:
    name = "user-000001"
    body = json.dumps({"username": name, "password": generated_password(DEFAULT_ACCOUNTS_KEY, name)})
    status, answer = _asked(url, "POST", "/login", {"Content-Type": "application/json"}, body)
    if status != 200:
        raise ValueError(f"login: {status}")
    return str(answer["access_token"])


def _names(url: str, path: str, token: str) -> frozenset[str]:
    status, answer = _asked(url, "GET", f"{path}?limit=1000", {"Authorization": f"Bearer {token}"})
    if status == 404:  # nobody is in it, and nobody ever was
        return frozenset()
    if status != 200:
        raise ValueError(f"{path}: {status} {answer}")
    return frozenset(answer["users"])


def _asked(
    url: str, method: str, path: str, headers: Mapping[str, str], body: str | None = None
) -> tuple[int, Mapping[str, list[str]]]:
    with closing(HTTPConnection(url.removeprefix("http://"), timeout=_TIMEOUT_S)) as connection:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, json.load(answer)
