"""Who may log in, and with which password."""

import asyncio
import contextlib
import hashlib
import hmac
import os
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from target_app.settings import Settings

GENERATED_NAME = re.compile(r"user-([0-9]{6,})", re.ASCII)

# Written in every tutorial of this field, so they exist from the start.
KNOWN_PASSWORDS = {"user1": "password1", "user2": "password2"}

# There is one only where its password was chosen: see Settings.admin_password.
ADMIN = "admin"

HASHING_NICENESS = 15


def roles_of(name: str) -> tuple[str, ...]:
    """Return what an account may do."""
    return ("admin", "member") if name == ADMIN else ("member",)


def generated_password(key: str, name: str) -> str:
    """Return the password of a generated account: anyone who knows the key can work it out.

    The first 16 hex digits of HMAC-SHA256(key, name).
    """
    return hmac.new(key.encode(), name.encode(), hashlib.sha256).hexdigest()[:16]


class Accounts:
    """Checks a name and a password.

    Two kinds: hashed with argon2 (slow on purpose), and generated, whose password
    follows from the name, so that 10,000 of them cost nothing at start and next
    to nothing at login.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = settings.accounts_key
        self._generated_count = settings.accounts_count
        self._hasher = PasswordHash(
            [Argon2Hasher(time_cost=settings.argon2_passes, memory_cost=settings.argon2_memory_kib, parallelism=1)]
        )
        self._hashes = {name: self._hasher.hash(password) for name, password in KNOWN_PASSWORDS.items()}
        if settings.admin_password is not None:
            self._hashes[ADMIN] = self._hasher.hash(settings.admin_password)
        # A name nobody has costs what a real one costs, so that the time does not tell which names exist.
        self._nobody = self._hasher.hash("nobody")
        # Each hash takes a core and its own memory: more at once than cores would only add memory.
        hashers = os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(hashers, "argon2", initializer=_step_back)
        self._turns = asyncio.Semaphore(hashers)

    async def accepts(self, name: str, password: str, at_its_turn: Callable[[], None]) -> bool:
        """Whether this is the password of an account that exists.

        ``at_its_turn`` is called before a core is spent on it, and may raise: by then, one that had
        to wait behind others may be one too many.
        """
        generated = GENERATED_NAME.fullmatch(name)
        if generated is not None:
            return self._is_generated(name, int(generated[1])) and hmac.compare_digest(
                generated_password(self._key, name).encode(), password.encode()
            )
        # argon2 releases the GIL: in a thread, the event loop goes on serving everybody else.
        verify, known = self._hasher.verify, self._hashes.get(name, self._nobody)
        async with self._turns:
            at_its_turn()
            matches = await asyncio.get_running_loop().run_in_executor(self._threads, verify, password, known)
        return matches and name in self._hashes

    def _is_generated(self, name: str, number: int) -> bool:
        # user-0000001 is not user-000001: one account, one spelling.
        return 1 <= number <= self._generated_count and name == f"user-{number:06d}"


def _step_back() -> None:
    # Where the event loop and a login want one core, whoever logs in waits, and not everybody else. Linux
    # has a priority for each thread; elsewhere it would be that of the whole process.
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)
