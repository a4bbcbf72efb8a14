"""Accounts: who is let in."""

import asyncio
import os

import pytest

from target_app.accounts import Accounts, generated_password
from target_app.settings import Settings


@pytest.fixture(scope="module")
def accounts() -> Accounts:
    # The smallest cost argon2 allows: what it costs is not the subject here.
    return Accounts(Settings(accounts_count=100, accounts_key="k", argon2_memory_kib=8, argon2_passes=1))


def nothing() -> None:
    """Nobody is one too many here."""


def test_a_generated_password_follows_from_key_and_name() -> None:
    """The first 16 hex digits of HMAC-SHA256: the load generator works it out in the same way."""
    assert generated_password("chatbench", "user-000001") == "42b6d99c0d351d24"


@pytest.mark.parametrize("name", ["user-000001", "user-000100"])
def test_generated_accounts_run_from_1_to_n(accounts: Accounts, name: str) -> None:
    """--accounts N makes N of them."""
    assert asyncio.run(accounts.accepts(name, generated_password("k", name), nothing))


@pytest.mark.parametrize("name", ["user-000000", "user-000101", "user-0000001", "user-00000١"])
def test_no_other_spelling_or_number_is_an_account(accounts: Accounts, name: str) -> None:
    """The right password for a name nobody has opens nothing."""
    assert not asyncio.run(accounts.accepts(name, generated_password("k", name), nothing))


@pytest.mark.parametrize(
    ("name", "password", "accepted"),
    [
        ("user1", "password1", True),
        ("user2", "password2", True),
        ("user1", "password2", False),
        ("user1", "", False),
        ("nobody", "nobody", False),
        ("user-000001", "Zoë", False),
    ],
)
def test_known_accounts_have_their_own_password_only(
    accounts: Accounts, name: str, password: str, accepted: bool
) -> None:
    """The stand-in for names nobody has ("nobody") is not an account."""
    assert asyncio.run(accounts.accepts(name, password, nothing)) is accepted


def test_who_waits_for_a_core_is_asked_again_when_its_turn_comes(accounts: Accounts) -> None:
    """What is no longer wanted then costs nothing, and whoever stands behind it does not wait for it."""
    cores = os.cpu_count() or 1
    asked_count = done_count = 0

    def at_its_turn() -> None:
        nonlocal asked_count
        assert asked_count - done_count < cores
        asked_count += 1

    async def try_once() -> None:
        nonlocal done_count
        await accounts.accepts("user1", "password1", at_its_turn)
        done_count += 1

    async def try_many() -> None:
        await asyncio.gather(*(try_once() for _ in range(4 * cores)))

    asyncio.run(try_many())
    assert asked_count == 4 * cores


@pytest.mark.parametrize("name", ["user1", "nobody-of-that-name"])
def test_a_name_nobody_has_costs_what_a_real_one_costs(accounts: Accounts, name: str) -> None:
    """One hash of the same cost, so that the time of a refusal does not tell which names exist."""
    costs = []
    verify = accounts._hasher.verify

    def counting(password: str, known: str) -> bool:
        costs.append(known.split("$")[3])
        return verify(password, known)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts._hasher, "verify", counting)
        assert not asyncio.run(accounts.accepts(name, "wrong", nothing))

    assert costs == [accounts._hashes["user1"].split("$")[3]]
