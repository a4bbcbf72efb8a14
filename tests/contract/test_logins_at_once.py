"""Passwords that are tried many at once: the limits hold for what is under way, too."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from target_app.settings import ARGON2_MEMORY_KIB, ARGON2_PASSES, Limits
from tests.support.server_process import SECRET, server_process

pytestmark = pytest.mark.system

ATTEMPTS = 40
# As much as it costs by default: all of them are under way before the first is done.
DEAR = {
    "CHATBENCH_SECRET": SECRET,
    "CHATBENCH_ARGON2_MEMORY_KIB": str(ARGON2_MEMORY_KIB),
    "CHATBENCH_ARGON2_PASSES": str(ARGON2_PASSES),
}


def test_no_more_passwords_are_tried_at_once_than_one_after_the_other() -> None:
    """A look at the door alone would let in whoever comes before the first hash is done."""
    with server_process(environment=DEAR) as server, ThreadPoolExecutor(ATTEMPTS) as many:
        answers = many.map(lambda _: server.login("user1", "wrong")[0], range(ATTEMPTS))

        most = Limits().wrong_passwords_per_user
        assert most is not None
        assert Counter(answers) == {401: most, 429: ATTEMPTS - most}
        assert server.login("user1", "password1")[0] == 429
        assert server.login("user2", "password2")[0] == 200
