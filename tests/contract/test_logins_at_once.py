"""Passwords that are tried many at once: the limits hold for what is under way, too."""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from target_app.settings import Limits
from tests.support.server_process import ServerProcess, server_process

pytestmark = pytest.mark.system

ATTEMPTS = 40


def test_no_more_passwords_are_tried_at_once_than_one_after_the_other() -> None:
    """A look at the door alone would let in whoever comes before the first hash is done.

    Beyond the limit there are only those whose hash had begun: one a core.
    """

    def try_once(server: ServerProcess) -> int:
        return server.login("user1", "wrong")[0]

    with server_process() as server, ThreadPoolExecutor(ATTEMPTS) as many:
        statuses = Counter(many.map(try_once, [server] * ATTEMPTS))

        most = Limits().wrong_passwords_per_user + (os.cpu_count() or 1) - 1
        assert Limits().wrong_passwords_per_user <= statuses[401] <= most
        assert statuses[429] == ATTEMPTS - statuses[401]
        assert server.login("user1", "password1")[0] == 429
        assert server.login("user2", "password2")[0] == 200
