"""Passwords that are tried many at once: the limits hold for what is under way, too."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from target_app.settings import Limits
from tests.support.server_process import server_process

pytestmark = pytest.mark.system

ATTEMPTS = 40


def test_no_more_passwords_are_tried_at_once_than_one_after_the_other() -> None:
    """A look at the door alone would let in whoever comes before the first hash is done."""
    with server_process() as server, ThreadPoolExecutor(ATTEMPTS) as many:
        answers = many.map(lambda _: server.login("user1", "wrong")[0], range(ATTEMPTS))

        most = Limits().wrong_passwords_per_user
        assert most is not None
        assert Counter(answers) == {401: most, 429: ATTEMPTS - most}
        assert server.login("user1", "password1")[0] == 429
        assert server.login("user2", "password2")[0] == 200
