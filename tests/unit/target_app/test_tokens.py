"""Tokens: what is believed, and what is not."""

import time
from typing import Any

import jwt
import pytest

from target_app.settings import Settings
from target_app.tokens import AUDIENCE, ISSUER, REQUIRED_CLAIMS, Identity, InvalidTokenError, Tokens

SETTINGS = Settings(token_lifetime_s=60)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SETTINGS)


def claims(**changes: Any) -> dict[str, Any]:
    now_s = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now_s, "exp": now_s + 60, "jti": "1"}
    return {**good, **changes}


def test_a_token_speaks_for_whom_it_was_issued_to(tokens: Tokens) -> None:
    """User, roles, and when it ends."""
    identity = tokens.verify(tokens.issue("ann"))

    assert identity == Identity("ann", ("member",), identity.expires_at_s)
    assert 0 < identity.expires_at_s - time.time() <= 60


def test_no_two_tokens_are_the_same(tokens: Tokens) -> None:
    """Their jti tells them apart, so that one of them can be revoked."""
    assert tokens.issue("ann") != tokens.issue("ann")


@pytest.mark.parametrize("missing", REQUIRED_CLAIMS)
def test_a_token_without_one_of_the_claims_is_not_believed(tokens: Tokens, missing: str) -> None:
    """A token that never expires, or for nobody, is no token."""
    incomplete = claims()
    del incomplete[missing]

    with pytest.raises(InvalidTokenError):
        tokens.verify(jwt.encode(incomplete, SETTINGS.secret, algorithm="HS256"))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"iat": 99_999_999_999},
        {"iat": "yesterday"},
        {"iss": "others"},
        {"aud": "others"},
        {"sub": 7},
        {"roles": "admin"},
        {"roles": [1]},
    ],
)
def test_a_token_with_a_wrong_claim_is_not_believed(tokens: Tokens, changes: dict[str, Any]) -> None:
    """Signed with our secret, but not by this rule."""
    with pytest.raises(InvalidTokenError):
        tokens.verify(jwt.encode(claims(**changes), SETTINGS.secret, algorithm="HS256"))


def test_a_clock_that_is_set_back_makes_no_token_invalid(tokens: Tokens) -> None:
    """What was issued a moment ago seems to be of the future then; so does what a node ahead of ours has issued."""
    early = claims(iat=int(time.time()) + 50)

    assert tokens.verify(jwt.encode(early, SETTINGS.secret, algorithm="HS256")).user == "ann"


def test_the_algorithm_is_ours_to_choose(tokens: Tokens) -> None:
    """Not even a token signed with our own secret, or one that says it needs no signature."""
    with pytest.raises(InvalidTokenError):
        tokens.verify(jwt.encode(claims(), SETTINGS.secret, algorithm="HS512"))
    with pytest.raises(InvalidTokenError):
        tokens.verify(jwt.encode(claims(), None, algorithm="none"))


@pytest.mark.parametrize("text", ["", "abc", "a.b.c", "Zoë", "\x00"])
def test_what_is_no_token_is_not_believed(tokens: Tokens, text: str) -> None:
    """Whatever a client puts there, it is a refusal and never a fault of ours."""
    with pytest.raises(InvalidTokenError):
        tokens.verify(text)


def test_another_secret_makes_other_tokens(tokens: Tokens) -> None:
    """Two servers without CHATBENCH_SECRET do not believe each other."""
    with pytest.raises(InvalidTokenError):
        tokens.verify(Tokens(Settings()).issue("ann"))
