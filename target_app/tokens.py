"""The tokens that stand for a login."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import jwt

from target_app.settings import Settings

# Pinned: a token says which algorithm it was signed with, and a server that believes it can be
# talked into "none" (RFC 8725, 3.1).
ALGORITHM = "HS256"
ISSUER = "chatbench"
AUDIENCE = "chatbench"
REQUIRED_CLAIMS = ["exp", "iat", "iss", "aud", "sub", "jti"]

MEMBER = "member"


class InvalidTokenError(Exception):
    """Forged, expired, incomplete, or not a token at all; the caller need not know which."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a valid token speaks for."""

    user: str
    roles: tuple[str, ...]
    # Unix time: tokens outlive processes, so a monotonic clock would not do.
    expires_at_s: int


class Tokens:
    """Makes tokens and checks them, all with one secret."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.secret
        self.lifetime_s = settings.token_lifetime_s

    def issue(self, user: str, roles: Sequence[str] = (MEMBER,)) -> str:
        """Return a fresh token for someone whose password was right."""
        now_s = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "iat": now_s,
            "exp": now_s + self.lifetime_s,
            "jti": secrets.token_hex(16),
            "roles": list(roles),
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def verify(self, token: str) -> Identity:
        """Return who the token speaks for; raises InvalidTokenError."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                # Not whether it was issued by now: a clock that is set back, or another node's that is a second ahead,
                # makes no token of ours another's (RFC 7519, 4.1.6, asks for no such thing).
                options={"require": REQUIRED_CLAIMS, "verify_iat": False},
            )
        except jwt.InvalidTokenError as error:
            raise InvalidTokenError(str(error)) from error
        issued_at_s = claims["iat"]
        if not isinstance(issued_at_s, int | float) or issued_at_s > int(claims["exp"]):
            raise InvalidTokenError("iat: expected a time before exp")
        roles = claims.get("roles", [MEMBER])
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise InvalidTokenError("roles: expected a list of names")
        return Identity(user=claims["sub"], roles=tuple(roles), expires_at_s=int(claims["exp"]))
