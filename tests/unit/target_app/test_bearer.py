"""Who asks, over HTTP."""

import pytest
from fastapi.security import HTTPAuthorizationCredentials
from starlette.exceptions import HTTPException

from target_app.bearer import identified
from target_app.services import Services, make_services
from target_app.settings import Settings
from target_app.tokens import Tokens


@pytest.fixture(scope="module")
def services() -> Services:
    # The smallest cost argon2 allows: nobody logs in here.
    return make_services(Settings(argon2_memory_kib=8, argon2_passes=1))


def shown(token: str) -> HTTPAuthorizationCredentials:
    return HTTPAuthorizationCredentials(scheme="Bearer", credentials=token)


def test_a_token_of_ours_says_who_asks(services: Services) -> None:
    """With its roles, which the endpoint checks."""
    identity = identified(services, shown(services.tokens.issue("ann", ["guest"])))

    assert (identity.user, identity.roles) == ("ann", ("guest",))


def test_who_shows_nothing_is_asked_for_a_token(services: Services) -> None:
    """401, with the scheme that is wanted and no error: nothing was wrong yet (RFC 6750, 3.1)."""
    with pytest.raises(HTTPException) as refused:
        identified(services, None)

    assert (refused.value.status_code, refused.value.detail) == (401, "Unauthorized: No token provided")
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize("token", ["", "abc", Tokens(Settings()).issue("ann")])
def test_a_token_that_is_not_ours_is_told_as_such(services: Services, token: str) -> None:
    """401 as well; what exactly is wrong with it is nobody's business."""
    with pytest.raises(HTTPException) as refused:
        identified(services, shown(token))

    assert (refused.value.status_code, refused.value.detail) == (401, "Unauthorized")
    assert refused.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}
