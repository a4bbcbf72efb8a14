"""What nobody may read off a screen or a log: passwords and tokens, in whatever form they stand there. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from loadgen.dialects.template import json_text
from scenarios.doctor.attempts import Person

HIDDEN = "***"
# A secret as short as a syllable is hidden where it is a word; elsewhere that would only garble what came.
SYLLABLE_CHARACTERS = 4

_HIDDEN_HEADERS = re.compile("(?i)auth|token|key|cookie|secret|session|pass")
_JWT = re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*){1,4}")
# "password": "x", token=x, Authorization: Bearer x; but not "token": null.
_HIDDEN_FIELDS = r"(?:passw|pwd|secret|token|jwt|api_?key|authorization|cookie|session_?id|\bsid\b)[\w-]*"
_SECRET_FIELD = re.compile(
    rf"""({_HIDDEN_FIELDS}(?:\\?["'])?\s*[=:]\s*(?:\\?["'])?(?:Bearer\s+|Basic\s+)?)"""
    r"""(?!null\b|true\b|false\b|[{\[])((?<=["'])[^"'\\]+|[^\s"'\\&,;}]+)""",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Hides those that are known by their value, and others by the name of their field or their look."""

    values: frozenset[str]

    @classmethod
    def of(cls, people: Iterable[Person], headers: Iterable[tuple[str, str]], *others: str | None) -> Secrets:
        """Those of some users, those among the headers of every request, and others."""
        found = {*others, *(value for person in people for value in (person.password, person.token))}
        for name, value in headers:
            if _HIDDEN_HEADERS.search(name):
                found |= {value, value.rpartition(" ")[2]}
        return cls(frozenset(value for value in found if value))

    def hide(self, text: str) -> str:
        """The text without them in whatever form they stand in it, and without what a field of that name holds."""
        # A long one first, since a short one may be a part of it.
        for secret in sorted({form for value in self.values for form in _forms_of(value)}, key=len, reverse=True):
            if len(secret) >= SYLLABLE_CHARACTERS:
                text = text.replace(secret, HIDDEN)
            else:
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
        return _JWT.sub(HIDDEN, _SECRET_FIELD.sub(rf"\1{HIDDEN}", text))


def _forms_of(secret: str) -> set[str]:
    """As it is, in a URL, in a form, and in JSON of either kind."""
    return {secret, quote(secret, safe=""), quote_plus(secret), json_text(secret), json.dumps(secret)[1:-1]}
