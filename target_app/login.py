"""`POST /login`: a name and a password for a token."""

import secrets
import time
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request, status
from pydantic import BaseModel, ConfigDict, Field

from target_app.accounts import roles_of
from target_app.problems import problems
from target_app.services import Shared
from target_app.throttle import counted_as

router = APIRouter(tags=["logging in"])


class Credentials(BaseModel):
    """What the client sends. The lengths bound what argon2 is given to chew on."""

    model_config = ConfigDict(hide_input_in_errors=True)

    username: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class Grant(BaseModel):
    """What the client gets."""

    access_token: str = Field(description="A JWT: into `?token=`, or after `Bearer`.")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind of token, no secret
    expires_in: int = Field(description="Seconds (RFC 6749, 5.1). A connection ends with its token.")


@router.post("/login", summary="Log in", responses={**problems(401, 413, 422, 429)})
async def login(credentials: Credentials, services: Shared, request: Request) -> Grant:
    """Give a token for a name and its password.

    `user1` with `password1` and `user2` with `password2` exist from the start, and with `--accounts N` the generated
    accounts `user-000001` to `user-N`; `admin` exists where `CHATBENCH_ADMIN_PASSWORD` is set. A wrong password and a
    name that nobody has get the same answer, after the same time. Show the token as `?token=` or as
    `Authorization: Bearer`.

    After 5 wrong passwords a minute for one name, or 50 from one address, nobody gets in that way until the minute is
    over: 429. A right password forgives the name.
    """
    name, address, failures = credentials.username, _address_of(request), services.login_failures

    def turn_away() -> None:
        _turn_away_for(failures.wait_s(name, address, time.monotonic_ns()))

    with services.metrics.login():
        turn_away()
        # Of a hundred guesses at once, those that were checked meanwhile count: before the next one costs a hash,
        # or 150 of them would hold up everybody's login for 14 s, and again before it is told what came of it.
        accepted = await services.accounts.accepts(name, credentials.password, turn_away)
        turn_away()
        if not accepted:
            failures.note(name, address, time.monotonic_ns())
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Bad username or password")
        failures.forget(name)
        if services.misfortune is not None and await services.misfortune.refuses_login(credentials.username):
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Refused on purpose")
    tokens = services.tokens
    return Grant(access_token=tokens.issue(name, roles_of(name)), expires_in=tokens.lifetime_s)


@router.post("/login/guest", summary="Look around", responses={**problems(429)})
async def look_around(services: Shared, request: Request) -> Grant:
    """Give a token to somebody who has no account: a guest hears rooms and reads their history, and writes nothing.

    The name is made up anew each time. From one address come 20 a minute and no more.
    """
    address, now_ns = _address_of(request), time.monotonic_ns()
    _turn_away_for(services.guests.wait_s(address, now_ns))
    services.guests.note(address, now_ns)
    tokens = services.tokens
    return Grant(access_token=tokens.issue(f"guest-{secrets.token_hex(4)}", ["guest"]), expires_in=tokens.lifetime_s)


def _address_of(request: Request) -> str:
    return counted_as(request.client.host) if request.client is not None else ""


def _turn_away_for(wait_s: int | None) -> None:
    if wait_s is not None:
        headers = {"Retry-After": str(wait_s)}
        raise HTTPException(status.HTTP_429_TOO_MANY_REQUESTS, f"Too many attempts: wait {wait_s} s", headers)
