"""What nobody may read off a screen, a log or a document: passwords and tokens, in whatever form they come. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from loadgen.dialects.template import Values, json_text, xml_text
from loadgen.plan.access import without_passwords

HIDDEN = "***"
# A secret as short as a syllable is hidden where it is a word; elsewhere that would only garble what came.
SYLLABLE_CHARACTERS = 4

# By its name a header of somebody's own cannot be told from a password, so all are hidden but those that say nothing.
_OPEN_HEADERS = re.compile("(?i)accept(-.*)?|user-agent|origin|host|content-type|referer|forwarded|x-forwarded-.*|via")
# A search never begins anew within a run of letters, and no name is long: or a server could have it take minutes.
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{5,}(?:\.[\w-]*){1,4}")
# "password": "x", token=x, Authorization: Bearer x; but not "token": null.
_HIDDEN_FIELDS = r"(?:passw|pwd|secret|token|jwt|api[_-]?key|authorization|cookie|session_?id|\bsid\b)[\w-]{0,40}"
_SECRET_FIELD = re.compile(
    rf"""({_HIDDEN_FIELDS}(?:\\?["'])?\s*[=:]\s*(?:\\?["'])?(?:Bearer\s+|Basic\s+)?)"""
    r"""(?!null\b|true\b|false\b|[{\[])((?<=["'])[^"'\\]+|[^\s"'\\&,;}]+)""",
    re.IGNORECASE,
)

# CHATBENCH_SECRET=x before the command of a server.
_ASSIGNED = re.compile(r"\b([A-Z0-9_]*(?:SECRET|PASS|PWD|TOKEN|KEY)[A-Z0-9_]*=)(?:'[^']*'|\"[^\"]*\"|[^\s'\"]+)")


def is_secret_header(name: str) -> bool:
    """Whether what a header of that name holds is nobody's business."""
    return _OPEN_HEADERS.fullmatch(name) is None


def secrets_of_account(username: str, password: str) -> tuple[str, ...]:
    """A password, and the forms in which it goes together with the name."""
    values = Values(username=username, password=password)
    return password, values["basic_auth"], values["sasl_plain"]


@dataclass(frozen=True, slots=True)
class Secrets:
    """Hides those that are known by their value, and others by the name of their field, their look or their URL."""

    values: frozenset[str]

    @classmethod
    def of(cls, values: Iterable[str | None], headers: Iterable[tuple[str, str]] = ()) -> Secrets:
        """Some that are known, and those among the headers of every request."""
        found = set(values)
        for name, value in headers:
            if is_secret_header(name):
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
        return without_passwords(_JWT.sub(HIDDEN, _SECRET_FIELD.sub(rf"\1{HIDDEN}", text)))


def hidden(text: str) -> str:
    """The text without what looks like a secret."""
    return Secrets(frozenset()).hide(text)


def complaint_shown(message: str) -> str:
    """One of argparse, which names a flag before a colon, and quotes behind it what was typed."""
    place, colon, found = message.partition(": ")
    return f"{place}{colon}{hidden(found)}"


def _forms_of(secret: str) -> set[str]:
    """As it is, in a URL, in a form, in JSON of either kind and in JSON within JSON, in XML, and as Python shows it."""
    in_json = {json_text(secret), json_text(json_text(secret)), json.dumps(secret)[1:-1]}
    in_xml = {xml_text(secret), escape(secret)}
    return {secret, quote(secret, safe=""), quote_plus(secret), *in_json, *in_xml, repr(secret)[1:-1]}


def command_shown(arguments: Iterable[str]) -> str:
    """A command line as a shell would take it, without what :func:`line_shown` hides, and what its headers hold."""
    shown: list[str] = []
    for argument in arguments:
        flag, equals, line = argument.partition("=") if argument.startswith("--header=") else ("", "", argument)
        name, colon, _ = line.partition(":")
        if (equals or shown[-1:] == ["--header"]) and is_secret_header(name.strip()):
            shown.append(f"{flag}{equals}{name}{colon} {HIDDEN}" if colon else f"{flag}{equals}{HIDDEN}")
        else:
            shown.append(argument)
    return line_shown(shlex.join(shown))


def line_shown(line: str) -> str:
    """A line for the shell without the passwords in its addresses, and what its variables of such a name hold."""
    return without_passwords(_ASSIGNED.sub(rf"\1{HIDDEN}", line))
