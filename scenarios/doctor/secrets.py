"""What those who try a dialect say and hear, without their passwords and tokens. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from loadgen.plan.secrets import Secrets, secrets_of_account
from scenarios.doctor.attempts import Person


def secrets_of(people: Iterable[Person], headers: Iterable[tuple[str, str]], *others: str | None) -> Secrets:
    """Those of some users, those among the headers of every request, and others."""
    known = [(*secrets_of_account(person.username, person.password), person.token) for person in people]
    return Secrets.of((*others, *chain.from_iterable(known)), headers)
