"""`POST /login`: a name and a password for a token."""

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, status
from pydantic import BaseModel, ConfigDict, Field

from target_app.services import Shared

router = APIRouter()


class Credentials(BaseModel):
    """What the client sends. The lengths bound what argon2 is given to chew on."""

    model_config = ConfigDict(hide_input_in_errors=True)

    username: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class Grant(BaseModel):
    """What the client gets: `access_token` goes into `?token=` or after `Bearer`."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind of token, no secret
    # Seconds, as in RFC 6749, 5.1.
    expires_in: int


@router.post("/login")
async def login(credentials: Credentials, services: Shared) -> Grant:
    """Log in."""
    with services.metrics.login():
        if not await services.accounts.accepts(credentials.username, credentials.password):
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Bad username or password")
        if services.misfortune is not None and await services.misfortune.refuses_login(credentials.username):
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Refused on purpose")
    tokens = services.tokens
    return Grant(access_token=tokens.issue(credentials.username), expires_in=tokens.lifetime_s)
