"""HTTP requests that a dialect file describes, and the token in the answer to a login."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import urlencode

from loadgen.dialects import HttpAnswer, HttpRequest
from loadgen.dialects.script import ConnectScript, DialectScript, HttpScript
from loadgen.dialects.template import Values, fill, fill_all, url_text

# A line's end would begin another header. Bytes that are no UTF-8 come as halves of characters, as JSON may spell them.
_CANNOT_BE_SENT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# No server takes a head of a request that is as long as that.
MOST_TOKEN_CHARACTERS = 50_000


def prepare(script: DialectScript) -> None:
    """Load what a login needs, 40 ms and 5 MB, before anything is timed; without a login nothing."""
    if script.login is not None:
        import jsonpath  # noqa: F401


def http_request(script: HttpScript, values: Values) -> HttpRequest:
    """The request, with its placeholders replaced, escaped for where they stand."""
    headers = tuple((name, fill(value, values)) for name, value in script.headers.items())
    body, content_type = None, None
    if script.json is not None:
        # Filled before it is written as JSON: quotes in a password are escaped by that.
        raw = Values(values) | ({"json:text": values["text"]} if "text" in values else {})
        body, content_type = json.dumps(fill_all(script.json, Values(raw))).encode(), "application/json"
    elif script.form is not None:
        body = urlencode(fill_all(script.form, values)).encode()
        content_type = "application/x-www-form-urlencoded"
    elif script.body is not None:
        body = fill(script.body, values).encode()
    return HttpRequest(script.method, fill(script.path, for_url(values)), headers, body, content_type)


def path_of(connect: ConnectScript, values: Values) -> str:
    """Path and query of the address that a connection is opened to."""
    path = fill(connect.path, for_url(values))
    query = urlencode(fill_all(connect.query, values))
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path


def headers_of(connect: ConnectScript, values: Values) -> tuple[tuple[str, str], ...]:
    """The headers of the handshake, that of the cookies among them."""
    headers = [(name, fill(value, values)) for name, value in connect.headers.items()]
    if connect.cookies:
        cookies = fill_all(connect.cookies, values)
        headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items())))
    return tuple(headers)


def for_url(values: Mapping[str, str]) -> Values:
    """The values escaped for a path."""
    return Values({name: url_text(value) for name, value in values.items()})


def find_token(place: str, answer: HttpAnswer) -> str | None:
    """What stands where ``place`` says (a JSONPath, header:NAME or cookie:NAME); None where nothing does.

    Nor does what cannot be sent: control characters, bytes that are no UTF-8, and more than anybody takes.
    """
    token = _found_at(place, answer)
    if token is None or len(token) > MOST_TOKEN_CHARACTERS or _CANNOT_BE_SENT.search(token):
        return None
    return token


def _found_at(place: str, answer: HttpAnswer) -> str | None:
    kind, _, name = place.partition(":")
    if kind == "header":
        return next((value for key, value in answer.headers if key.lower() == name.lower()), None)
    if kind == "cookie":
        return next((value for key, value in answer.cookies if key == name), None)
    import jsonpath

    try:
        found = jsonpath.findall(place, json.loads(answer.body))
    # A tower of brackets ends the parser's recursion.
    except (ValueError, RecursionError, jsonpath.JSONPathError):
        return None
    # In Python, true and false are numbers, too.
    is_one = bool(found) and isinstance(found[0], str | int) and not isinstance(found[0], bool)
    return str(found[0]) if is_one else None
