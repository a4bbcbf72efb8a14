"""`POST /login`: a name and a password for a token."""

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, status
from pydantic import BaseModel, ConfigDict, Field

from target_app.problems import problems
from target_app.services import Shared

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


@router.post("/login", summary="Log in", responses={**problems(401, 413, 422)})
async def login(credentials: Credentials, services: Shared) -> Grant:
    """Give a token for a name and its password.

    `user1` with `password1` and `user2` with `password2` exist from the start, and with `--accounts N` the generated
    accounts `user-000001` to `user-N`. A wrong password and a name that nobody has get the same answer, after the
    same time. Show the token as `?token=` or as `Authorization: Bearer`.
    """
    with services.metrics.login():
        if not await services.accounts.accepts(credentials.username, credentials.password):
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Bad username or password")
        if services.misfortune is not None and await services.misfortune.refuses_login(credentials.username):
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Refused on purpose")
    tokens = services.tokens
    return Grant(access_token=tokens.issue(credentials.username), expires_in=tokens.lifetime_s)
