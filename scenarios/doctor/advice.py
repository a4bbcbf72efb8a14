"""What to try where a step failed, and which key of the dialect file to look at. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator

from loadgen.dialects import HttpAnswer
from loadgen.dialects.patterns import Acknowledged, acknowledged_in, matcher, names_message
from loadgen.dialects.script import DialectScript, HttpScript
from loadgen.dialects.template import number_of, placeholders
from loadgen.errors import ErrorKind
from reports.numbers import printable
from scenarios.doctor.attempts import LoginAttempt, Talk, Trouble, Wait
from scenarios.doctor.case import Case
from scenarios.doctor.login_answer import token_places
from scenarios.doctor.near_misses import SEPARATORS, as_written, holds_all, separator_in
from scenarios.doctor.steps import Advice
from scenarios.doctor.wording import quoted

# So much before an id tells its frame from others.
_BEFORE_ID_CHARACTERS = 40
_REFUSES = "the server seems to refuse the {}: see what came"
_COMPLAINT = re.compile(rb"(?i)\berr\b|error|denied|forbidden|invalid|unauthor|not allowed|refused|unknown")

_OF_TLS = Advice(
    "--target",
    "is it https or wss at all? --ca says whom to trust, --client-cert who we are; --insecure takes any certificate",
)
_OF_HANGING_UP = Advice(
    "--target", "the server hangs up on HTTP: is this its port, and is it https:// or wss:// that it speaks there?"
)
_OF_PROXY = Advice(
    "--proxy", "it is not the server that says so: does the proxy know us, and connect us to this place?"
)


def of_login(http: HttpScript, attempt: LoginAttempt) -> Advice:
    """About a login that was refused or not answered."""
    body = "login.json" if http.json is not None else "login.form" if http.form is not None else "login.body"
    if attempt.answer is None:
        match attempt.trouble:
            case Trouble(kind=ErrorKind.TLS):
                return _OF_TLS
            case Trouble(kind=ErrorKind.PROXY):
                return _OF_PROXY
            case Trouble(kind=ErrorKind.RESET):
                return _OF_HANGING_UP
        return Advice("login.path", "does the server answer at this path?")
    status = attempt.answer.status
    if status in (401, 403):
        return Advice(
            body, "does the server know these names and passwords (--users-file), and are the fields called so?"
        )
    if status in (404, 405):
        return Advice("login.path", "is this the path, and login.method the method, of the login?")
    if status == 429:
        return Advice(None, "the server limits how often one may log in: lift that for a load test")
    if 300 <= status < 400:
        to = next((value for name, value in attempt.answer.headers if name.lower() == "location"), None)
        where = "elsewhere" if to is None else f"to {printable(to.partition('?')[0])}"
        return Advice("login.path", f"the server sends logins {where}, and no redirect is followed: name that place")
    if status >= 500:
        return Advice(None, "the server failed by itself: see its log")
    return Advice(body, "does the server want other fields, or a form instead of JSON?")


def of_token(answer: HttpAnswer) -> Advice:
    """About a token that is not where the dialect says."""
    places = [*token_places(answer)]
    if not places:
        return Advice("login.token", "nothing in the answer looks like a token: is this the login?")
    return Advice("login.token", "try " + " or ".join(quoted(place) for place in places[:3]))


def of_connect(script: DialectScript, trouble: Trouble) -> Advice:
    """About a handshake that led to no WebSocket."""
    match trouble.kind:
        case ErrorKind.TLS:
            return _OF_TLS
        case ErrorKind.PROXY:
            return _OF_PROXY
        case ErrorKind.HTTP_4XX if trouble.status in (401, 403):
            place = of_token_place(script)
            return Advice(
                place.key, f"{place.text}; some servers say so of a path they do not know, too: see connect.path"
            )
        case ErrorKind.HTTP_4XX if trouble.status == 404:  # whatever the page about it says
            return Advice("connect.path", "does the server take WebSockets at this path?")
        case ErrorKind.HTTP_4XX if trouble.status == 426 or "protocol" in trouble.said.lower():
            return Advice("connect.subprotocols", "the server wants another subprotocol: see what it says")
        case ErrorKind.HTTP_4XX if trouble.status == 400:
            return Advice("connect.path", "the server wants another query, headers or subprotocol: see what it says")
        case ErrorKind.HTTP_5XX:
            return Advice("connect.path", "the server failed by itself: see its log")
        case _:
            return Advice("connect.path", "does the server take WebSockets at this path?")


def of_token_place(script: DialectScript) -> Advice:
    """About the key that carries the token, where the server does not like what it carries."""
    connect = script.connect
    for key, value in (
        ("connect.path", connect.path),
        ("connect.query", connect.query),
        ("connect.headers", connect.headers),
        ("connect.cookies", connect.cookies),
        ("connect.subprotocols", connect.subprotocols),
        ("connect.send", connect.send),
    ):
        if "token" in placeholders(value):
            return Advice(key, "is this where the server wants the token, and is login.token the right one?")
    if script.login is None:
        return Advice("connect.path", "does the server want a login first?")
    kind, _, name = (script.login.token or "").partition(":")
    if kind == "cookie":
        return Advice("connect.cookies", f'the token is put nowhere: try cookies = {{ {name} = "{{token}}" }}')
    return Advice("connect.path", 'the token is put nowhere: try "?token={token}", or a header in connect.headers')


def of_until(case: Case, section: str, awaited: str, wait: Wait) -> Advice:
    """About a text that no frame held; ``section`` is the one that awaits it."""
    key, is_join = f"{section}.until", section == "join"
    if not wait.heard.frame_count:
        if is_join:
            return Advice("join.send", "the server did not answer: is this how it is asked for a room?")
        return Advice(
            key, "the server says nothing by itself: leave until out, or tell it something first (connect.send)"
        )
    divided = _divided(case, wait.heard.frames, matcher(awaited))
    if divided is not None:
        return divided
    if not awaited.startswith("re:"):
        written = next(filter(None, (as_written(awaited, frame) for frame in wait.heard.frames)), None)
        if written is not None:
            return Advice(key, f"the server writes it in another way: until = {case.words.quoted(written)}")
        if any(holds_all(awaited, frame) for frame in wait.heard.frames):
            return Advice(
                key, "a frame holds all its parts, but not side by side: await one of them, or a pattern (re:...)"
            )
    if is_join and _complains(wait.heard.frames):
        return Advice("join.send", _REFUSES.format("join"))
    return Advice(key, "which of the frames that came is the one to await? Take a text from it that no other frame has")


def of_refrain(case: Case) -> Advice | None:
    """About a frame that came again and again, where the dialect makes nothing of it; None where there is none."""
    refrain, script = case.refrain, case.script
    if refrain is None or script.speaker is not None:
        return None
    untils = [script.connect.until, *(step.until for step in script.connect.then), script.alive.answer]
    known = [*filter(None, untils), *script.errors.frames]
    if script.join is not None and script.join.until is not None:
        known.append(script.join.until)
    ack = script.publish.ack
    for message in case.messages_in(refrain.frame):
        if any(matcher(case.filled(text, 0))(message) for text in known) or (ack and acknowledged_in(message, ack)):
            return None
    said = quoted(case.words.shown(refrain.frame.decode(errors="replace")))
    return Advice("alive.reply", f"{said} came {refrain.count} times: does the server want an answer to it?")


def _divided(case: Case, frames: Iterable[bytes], is_it: Callable[[bytes], object]) -> Advice | None:
    """About messages that came in one frame, which the dialect does not divide."""
    if case.script.frames.separator is not None:
        return None
    separator = next(filter(None, (separator_in(frame, is_it) for frame in frames)), None)
    if separator is None:
        return None
    return Advice("frames.separator", f"it came with others in one frame: try separator = {json.dumps(separator)}")


def of_ack(case: Case, ack: str, talk: Talk) -> Advice:
    """About an acknowledgement that did not come as ``ack`` says."""
    others = talk.beside_message()
    if not talk.copies(0) + talk.copies(1) and _complains(others):
        return Advice(case.publish_key, _REFUSES.format("message"))
    marker = talk.marker.encode()
    divided = _divided(case, talk.heard[0].frames, lambda part: marker not in part and ack_in(case, ack, talk, part))
    return divided or Advice("publish.ack", _ack_missed(case, ack, talk, others))


def ack_in(case: Case, ack: str, talk: Talk, frame: bytes) -> Acknowledged | None:
    """The acknowledgement of our message in a frame; None where it holds none."""
    number = int(number_of(talk.message_id))
    for message in case.messages_in(frame):
        for found in acknowledged_in(message, ack):
            if found.message_id == talk.message_id or found.number == number or not names_message(ack):
                return found
    return None


def ack_offered(case: Case, talk: Talk) -> str | None:
    """The line for a dialect file that would take what came for an acknowledgement; None where nothing names our id."""
    for piece in _pieces_beside_message(talk):
        text = piece.decode(errors="replace")
        before, found, after = text.partition(talk.message_id)
        if found:
            # What follows may differ each time.
            follows = "" if after[:1].isalnum() else after[:1].strip()
            before = printable(case.words.secrets.hide(before[-_BEFORE_ID_CHARACTERS:]))
            return f"ack = {quoted(before + '{id}' + follows)}"
    return None


def _pieces_beside_message(talk: Talk) -> Iterator[bytes]:
    """What else came to user 1, in the same frame or in others."""
    for frame in talk.heard[0].frames:
        marker = talk.marker.encode()
        separator = next((each.encode() for each in SEPARATORS if each.encode() in frame), None)
        pieces = [frame] if separator is None or marker not in frame else frame.split(separator)
        yield from (piece for piece in pieces if marker not in piece)


def _ack_missed(case: Case, ack: str, talk: Talk, others: Iterable[bytes]) -> str:
    for frame in talk.message_at(0).frames:
        if ack_in(case, ack, talk, frame) is not None:
            return "it came within the message itself, where none is looked for: leave publish.ack out"
    offered = ack_offered(case, talk)
    if offered is not None:
        return f"our id came back in another form: try {offered}"
    for frame in others:
        found = next(iter(acknowledged_in(frame, ack)), None)
        if found is not None and found.message_id is not None:
            theirs = case.words.shown(found.message_id)
            return f"the server acknowledges {theirs}, our id is {talk.message_id}: it must give back our {{id}}"
        if found is not None and found.number is not None:
            return f"the server acknowledges {found.number}, our number is another: it must give back our {{n}}"
    return "none of what came names our id: does the server acknowledge at all? If not, leave publish.ack out"


def _complains(frames: Iterable[bytes]) -> bool:
    return any(_COMPLAINT.search(frame) for frame in frames)
