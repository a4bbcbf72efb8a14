"""Who asks, over HTTP: the bearer token that an endpoint may want (RFC 6750)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from target_app.services import Shared
from target_app.tokens import Identity, InvalidTokenError

# auto_error is off: FastAPI's own refusal says 403 or 401, by its version, and never why.
_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The token that `POST /login` gives.")


def identified(
    services: Shared, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Identity:
    """Return who the token of a request speaks for; 401 without one, or with one that we do not believe."""
    if credentials is None:
        raise _unauthorized("Unauthorized: No token provided", "Bearer")
    try:
        return services.tokens.verify(credentials.credentials)
    except InvalidTokenError:
        raise _unauthorized("Unauthorized", 'Bearer error="invalid_token"') from None


# An endpoint that says `identity: Identified` answers 401 to everybody else; it adds 401 to its `problems`.
Identified = Annotated[Identity, Depends(identified)]


def _unauthorized(detail: str, challenge: str) -> HTTPException:
    return HTTPException(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": challenge})
