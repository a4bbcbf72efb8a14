"""Whatever a dialect file holds: it is refused in one line, or it can be spoken."""

import datetime
import tomllib
import warnings
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loadgen.dialects import Credentials, HttpAnswer
from loadgen.dialects.script import DialectScript
from loadgen.dialects.scripted import ScriptedDialect
from loadgen.errors import InputError
from scenarios.dialect_files import read_dialect
from tests.support.dialect_files import SMALLEST
from tests.support.toml_text import toml_text

WORDS = st.sampled_from(
    [
        *("", "/", "/ws", "ws", "{text}", "{json:text}", "{id}", "{id} {text}", "{token}", "{room}", "{username}"),
        *("re:", "re:(", "re:a{2}", "re:{id}", "re:[{id}", "re:(?P<our_id>a){id}", "re:(?u){id}", "re:\\1{id}"),
        *("re:(?i){room}", "re:[{room}-a]", "re:a{99999999999}", "re:{room}{2}{id}", "re:(?:{id})*"),
        *("$", "$.a", "$..a[?@.b == 1]", "$[", "header:X", "cookie:x", "header:", "$[?match(@.a, '[')]"),
        *("room", "self", "20s", "0s", "1h30m", "POST", "post", "\r\n", "é", "a b"),
    ]
)
TEXTS = WORDS | st.text(st.characters(codec="utf-8"), max_size=8)
MOMENTS = st.sampled_from([datetime.date(2000, 1, 2), datetime.datetime(2000, 1, 2, 3, 4), datetime.time(3, 4, 5, 6)])
SCALARS = st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | TEXTS | MOMENTS
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
HTTP = {
    "path": TEXTS,
    "method": TEXTS,
    "headers": st.dictionaries(TEXTS, TEXTS, max_size=2),
    "json": ANYTHING,
    "form": st.dictionaries(TEXTS, TEXTS, max_size=2),
    "body": TEXTS,
}
TABLES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "login": {**HTTP, "token": TEXTS},
    "connect": {
        "path": TEXTS,
        "headers": st.dictionaries(TEXTS, TEXTS, max_size=2),
        "subprotocols": st.lists(TEXTS, max_size=2),
        "send": TEXTS | st.lists(TEXTS, max_size=2),
        "until": TEXTS,
    },
    "join": {"send": TEXTS | st.lists(TEXTS, max_size=2), "until": TEXTS},
    "publish": {
        "send": TEXTS,
        "http": st.fixed_dictionaries({}, optional=HTTP),
        "echo": st.booleans(),
        "reach": TEXTS,
        "ack": TEXTS,
    },
    "alive": {"reply": st.dictionaries(TEXTS, TEXTS, max_size=2), "every": TEXTS, "send": TEXTS},
}


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """A file that is nearly right: some keys of it replaced, most of the rest sound."""
    table: dict[str, Any] = {name: dict(section) for name, section in SMALLEST.items()}
    for _ in range(draw(st.integers(0, 5))):
        name = draw(st.sampled_from(sorted(TABLES)))
        key = draw(st.sampled_from(sorted(TABLES[name])))
        if name == "login":
            table.setdefault(name, {"path": "/"})
        table.setdefault(name, {})[key] = draw(TABLES[name][key])
    if draw(st.integers(0, 9)) == 0:
        table[draw(st.from_regex(r"[a-z_]{0,9}", fullmatch=True))] = draw(ANYTHING)
    return table


@given(files())
def test_a_file_is_refused_in_one_line_or_can_be_spoken(table: dict[str, Any]) -> None:
    """Nothing else comes out of reading it, and what was let through never trips over itself later."""
    text = toml_text(table)
    with warnings.catch_warnings():
        # Python's remarks on regular expressions that may mean something else some day.
        warnings.simplefilter("ignore")
        try:
            script = read_dialect(text, "mine", "mine.toml")
        except InputError as refused:
            said = str(refused)
        else:
            speak(script)
            said = "mine.toml: fine"
    assert said.startswith("mine.toml: ")
    assert len(said.splitlines()) == 1


def speak(script: DialectScript) -> None:
    """Use all of a dialect once."""
    dialect = ScriptedDialect(script, Credentials(0, 'a"n(n\n', "p[w"))
    if dialect.has_login:
        dialect.login()
        dialect.token_from(HttpAnswer(200, (("X", "t"),), (("x", "t"),), b'{"a": "t)"}'))
    dialect.open(["lobby"])
    dialect.on_connected()
    dialect.join(["room-1"])
    dialect.publish("room-1", 'say "hi"', "c0ffee-1-2")
    dialect.keep_alive()
    for frame in (b"", b"2", b"\xff", b"c0ffee-1-2 room-1", *[key.encode() for key in script.alive.reply]):
        dialect.on_frame(frame)


@given(files())
def test_the_toml_of_these_tests_says_what_they_mean(table: dict[str, Any]) -> None:
    """Else the test above would test the TOML parser."""
    assert repr(tomllib.loads(toml_text(table))) == repr(table)
