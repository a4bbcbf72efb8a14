"""What those who try a dialect say and hear, without their passwords and tokens. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from loadgen.plan.secrets import Secrets
from scenarios.doctor.attempts import Person


def secrets_of(people: Iterable[Person], headers: Iterable[tuple[str, str]], *others: str | None) -> Secrets:
    """Those of some users, those among the headers of every request, and others."""
    return Secrets.of((*others, *(value for person in people for value in (person.password, person.token))), headers)
