"""Why a dialect does not work: what two users sent and what came back becomes steps, each with advice. Pure.

    reach -> log in -> connect -> greeting -> join -> publish -> acknowledgement, delivery, own message, marker
          -> keep-alive -> close

No password and no token gets into a step: whatever was sent or came goes through :class:`Secrets`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote, quote_plus

from loadgen.dialects import HttpAnswer, HttpRequest, Opening
from loadgen.dialects.script import DialectScript, HttpScript, Reach
from loadgen.dialects.scripted import ack_pattern
from loadgen.dialects.template import PLACEHOLDER, json_text, placeholders
from loadgen.errors import ErrorKind
from loadgen.measure.marker import PREFIX_WIDTH
from reports.budgets import ExitCode
from reports.numbers import printable

HIDDEN = "***"
MARKER = "<marker>"
# So much of a frame tells what it is, on two lines of a terminal.
EXCERPT_CHARACTERS = 160
FRAMES_SHOWN = 5
# Shorter pieces of a text may be there by chance.
TELLING_CHARACTERS = 12
# A secret as short as a syllable is hidden where it is a word; elsewhere that would only garble what came.
SYLLABLE_CHARACTERS = 4


class StepName(StrEnum):
    """What is tried, in order."""

    REACH = "reach"
    LOGIN = "log in"
    CONNECT = "connect"
    GREETING = "greeting"
    JOIN = "join"
    PUBLISH = "publish"
    ACK = "acknowledgement"
    DELIVERY = "delivery"
    OWN_MESSAGE = "own message"
    MARKER = "marker"
    ALIVE = "keep-alive"
    CLOSE = "close"


# Without these the next steps make no sense.
_FOUNDATIONS = frozenset(
    {StepName.REACH, StepName.LOGIN, StepName.CONNECT, StepName.GREETING, StepName.JOIN, StepName.PUBLISH}
)


class Outcome(StrEnum):
    """How a step went."""

    OK = "ok"
    FAILED = "failed"
    NOT_ASKED_FOR = "not asked for"


class Direction(StrEnum):
    """Who said it."""

    SENT = "->"
    CAME = "<-"


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was sent or came, fit to be shown; ``user`` counts from 1."""

    direction: Direction
    user: int
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how it went, what was said meanwhile, and where it failed which key to look at and what to try."""

    name: StepName
    outcome: Outcome
    summary: str
    lines: tuple[Line, ...] = ()
    key: str | None = None
    advice: str | None = None
    nobody_got_in: bool = False
    """Whether nobody answers there, or every login was refused."""

    @property
    def is_the_end(self) -> bool:
        """Whether nothing after it makes sense."""
        return self.outcome is Outcome.FAILED and self.name in _FOUNDATIONS


# --- what happened ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """One of the two users; ``token`` is None where there is none."""

    username: str
    password: str
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What kept an answer from coming."""

    kind: ErrorKind
    text: str


@dataclass(frozen=True, slots=True)
class Closing:
    """The server is gone: its code and reason, 1006 where it said nothing."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Overheard:
    """What came to one user during a step: the first frames of it, and those that may hold the message."""

    frames: tuple[bytes, ...] = ()
    frame_count: int = 0
    closing: Closing | None = None


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A login, and its answer or why there is none."""

    request: HttpRequest
    answer: HttpAnswer | None = None
    trouble: Trouble | None = None
    has_token: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether the server did not let the user in."""
        return self.answer is None or not 200 <= self.answer.status < 300


@dataclass(frozen=True, slots=True)
class ConnectAttempt:
    """A handshake, and what came in the moment after it."""

    opening: Opening
    trouble: Trouble | None = None
    closing: Closing | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Frames sent, and the wait for what the dialect awaits after them."""

    sent: tuple[bytes, ...] = ()
    has_come: bool = True
    heard: Overheard = Overheard()


@dataclass(frozen=True, slots=True)
class Talk:
    """What became of the one message, which user 1 wrote."""

    text: str
    marker: str
    message_id: str
    message: bytes | HttpRequest
    heard: tuple[Overheard, Overheard]
    is_acked: bool = False
    answer: HttpAnswer | None = None
    """Where it went over HTTP, as is ``trouble``."""
    trouble: Trouble | None = None

    def message_at(self, user: int) -> Overheard:
        """The frames that brought a user (from 0) the message with its marker intact."""
        frames = tuple(frame for frame in self.heard[user].frames if self.marker.encode() in frame)
        return Overheard(frames, len(frames))

    def copies(self, user: int) -> int:
        """How often a user (from 0) got it so."""
        return sum(frame.count(self.marker.encode()) for frame in self.message_at(user).frames)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Hides what nobody may read off a screen or a log."""

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


_HIDDEN_HEADERS = re.compile("(?i)auth|token|key|cookie|secret|session|pass")
_JWT = re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*){1,4}")
# "password": "x", token=x, Authorization: Bearer x; but not "token": null.
_HIDDEN_FIELDS = r"(?:passw|pwd|secret|token|jwt|api_?key|authorization|cookie|session_?id|\bsid\b)[\w-]*"
_SECRET_FIELD = re.compile(
    rf"""({_HIDDEN_FIELDS}(?:\\?["'])?\s*[=:]\s*(?:\\?["'])?(?:Bearer\s+|Basic\s+)?)"""
    r"""(?!null\b|true\b|false\b|[{\[])((?<=["'])[^"'\\]+|[^\s"'\\&,;}]+)""",
    re.IGNORECASE,
)


def _forms_of(secret: str) -> set[str]:
    """As it is, in a URL, in a form, and in JSON of either kind."""
    return {secret, quote(secret, safe=""), quote_plus(secret), json_text(secret), json.dumps(secret)[1:-1]}


# --- the steps ----------------------------------------------------------------------------------------------


def exit_code_of(steps: Sequence[Step]) -> ExitCode:
    """What people script against: 106 where nobody got in, 97 where a step failed."""
    if any(step.nobody_got_in for step in steps):
        return ExitCode.UNREACHABLE
    return ExitCode.INVALID if any(step.outcome is Outcome.FAILED for step in steps) else ExitCode.PASS


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Judges what happened to two users by the dialect they speak; a method for each step."""

    script: DialectScript
    people: tuple[Person, Person]
    room: str
    patience_s: float
    """How long was waited for each thing that did not come."""
    secrets: Secrets

    # --- getting in

    def reached(self, address: str, trouble: str | None) -> Step:
        """The servers take connections, or one of them does not."""
        if trouble is None:
            return Step(StepName.REACH, Outcome.OK, self._shown(f"{address} takes connections"))
        advice = "is the server running, and is its address right (--target)?"
        summary = self._shown(trouble.removesuffix("; is the server running?"))
        return Step(StepName.REACH, Outcome.FAILED, summary, advice=advice, nobody_got_in=True)

    def logged_in(self, attempts: Sequence[LoginAttempt] | None, *, have_tokens: bool) -> Step:
        """Both have a token, or one was refused; ``attempts`` is None where nobody logs in."""
        login = self.script.login
        if attempts is None or login is None:
            why = "the tokens come from a file" if have_tokens else "the dialect has no [login]"
            return Step(StepName.LOGIN, Outcome.NOT_ASKED_FOR, why)
        worst = next((i for i, each in enumerate(attempts) if each.is_refused or not each.has_token), 0)
        attempt = attempts[worst]
        lines = self._login_lines(attempt, worst + 1)
        if attempt.is_refused:
            everybody = all(each.is_refused for each in attempts)
            who = "neither user was" if everybody else f"user {worst + 1} was not"
            key, advice = _login_advice(login.http, attempt)
            what = self._trouble(attempt.trouble) if attempt.answer is None else f"HTTP {attempt.answer.status}"
            return _failed(StepName.LOGIN, f"{who} let in: {what}", lines, key, advice, nobody_got_in=everybody)
        assert attempt.answer is not None, "not refused without an answer"
        if not attempt.has_token:
            summary = f"HTTP {attempt.answer.status}, but there is no token at {login.token}"
            return _failed(StepName.LOGIN, summary, lines, "login.token", _token_advice(attempt.answer))
        where = "no token is asked for" if login.token is None else f"the token was found at {login.token}"
        return Step(StepName.LOGIN, Outcome.OK, f"HTTP {attempt.answer.status}, {where}", lines)

    def connected(self, attempts: Sequence[ConnectAttempt]) -> Step:
        """Both have a WebSocket, or one has not."""
        worst = next((i for i, each in enumerate(attempts) if each.trouble or each.closing), 0)
        attempt = attempts[worst]
        lines = [Line(Direction.SENT, worst + 1, self._opening(attempt.opening))]
        if attempt.trouble is not None:
            if attempt.trouble.kind is not ErrorKind.TIMEOUT:
                said = attempt.trouble.text.rpartition(_BEFORE_STATUS)[2]
                lines.append(Line(Direction.CAME, worst + 1, self._shown(said)))
            key, advice = self._connect_advice(attempt.trouble)
            summary = f"user {worst + 1} got no WebSocket: {self._trouble(attempt.trouble)}"
            return _failed(StepName.CONNECT, summary, tuple(lines), key, advice)
        if attempt.closing is not None:
            key, advice = self._token_place()
            summary = f"user {worst + 1} was let in with 101, and the server {self._closing(attempt.closing)} at once"
            return _failed(StepName.CONNECT, summary, tuple(lines), key, advice)
        lines.append(Line(Direction.CAME, worst + 1, "101 Switching Protocols"))
        return Step(StepName.CONNECT, Outcome.OK, "both users have a WebSocket", tuple(lines))

    def greeted(self, waits: Sequence[Wait]) -> Step:
        """What came after the 101 held connect.until, or did not."""
        until = self.script.connect.until
        return self._waited(StepName.GREETING, "connect", until, waits, "nothing is awaited after the 101")

    def joined(self, waits: Sequence[Wait]) -> Step:
        """The room was confirmed, or was not."""
        join = self.script.join
        if join is None:
            why = "no [join]: joined at the 101, and everybody shares one room"
            return Step(StepName.JOIN, Outcome.NOT_ASKED_FOR, why)
        return self._waited(StepName.JOIN, "join", join.until, waits, "sent; no confirmation is awaited")

    def _waited(self, name: StepName, section: str, until: str | None, waits: Sequence[Wait], unasked: str) -> Step:
        worst = next((i for i, each in enumerate(waits) if not each.has_come or each.heard.closing), 0)
        wait, user = waits[worst], worst + 1
        sent = self._sent(wait.sent, user)
        lines = (*sent, *self._came(wait.heard, user))
        if wait.heard.closing is not None:
            summary = f"the server {self._closing(wait.heard.closing)} while user {user} waited"
            key = f"{section}.send" if wait.sent else f"{section}.until"
            return _failed(name, summary, lines, key, "the server did not like what came before: see its reason")
        if not wait.has_come:
            assert until is not None, "nothing is waited for"
            awaited = self._filled(until, worst)
            summary = f"no frame held {_quoted(self._shown(awaited))} within {self.patience_s:g} s"
            key, advice = self._until_advice(section, awaited, wait)
            return _failed(name, summary, (*sent, *self._came_instead(wait.heard, user)), key, advice)
        if until is None:
            outcome = Outcome.OK if wait.sent else Outcome.NOT_ASKED_FOR
            return Step(name, outcome, unasked, lines)
        return Step(name, Outcome.OK, f"a frame held {_quoted(self._shown(self._filled(until, worst)))}", lines)

    # --- talking

    def published(self, talk: Talk) -> Step:
        """User 1 got its message out, or the server did not take it."""
        key = self._publish_key
        if isinstance(talk.message, bytes):
            lines = self._sent((talk.message,), 1, talk.marker)
        else:
            lines = (Line(Direction.SENT, 1, self._shown(_request_text(talk.message), talk.marker)),)
        if talk.answer is not None:
            body = talk.answer.body.decode(errors="replace")
            lines += (Line(Direction.CAME, 1, self._shown(f"{talk.answer.status} {body}", talk.marker)),)
        closing = talk.heard[0].closing
        if talk.trouble is not None:
            return _failed(StepName.PUBLISH, self._trouble(talk.trouble), lines, key, "is this the right place?")
        if talk.answer is not None and not 200 <= talk.answer.status < 300:
            advice = "the answer says what the server wants in the request"
            return _failed(StepName.PUBLISH, f"the server answered {talk.answer.status}", lines, key, advice)
        if closing is not None:
            summary = f"the server {self._closing(closing)} when it got the message"
            lines += self._came(talk.heard[0], 1, talk.marker)
            return _failed(StepName.PUBLISH, summary, lines, key, "does the frame have the form the server wants?")
        return Step(StepName.PUBLISH, Outcome.OK, f"user 1 sent a text of {len(talk.text)} bytes", lines)

    def acknowledged(self, talk: Talk) -> Step:
        """The server acknowledged the message, or did not."""
        ack = self.script.publish.ack
        others = [frame for frame in talk.heard[0].frames if talk.marker.encode() not in frame]
        naming = next((frame for frame in others if talk.message_id.encode() in frame), None)
        if ack is None:
            advice = None if naming is None else f"a frame names it all the same: {self._ack_from(naming, talk)}"
            why = "publish.ack is left out"
            return Step(StepName.ACK, Outcome.NOT_ASKED_FOR, why, key=advice and "publish.ack", advice=advice)
        shown = talk.heard[0] if not others else Overheard(tuple(others), len(others))
        lines = self._came_instead(shown, 1, talk.marker)
        if talk.is_acked:
            number = _number_in(others, ack, talk.message_id)
            matched = "a frame matched publish.ack" + ("" if number is None else f", and {{seq}} is {number}")
            return Step(StepName.ACK, Outcome.OK, matched, lines)
        awaited = _quoted(self._shown(ack.replace("{id}", talk.message_id)))
        summary = f"no frame matched {awaited} within {self.patience_s:g} s"
        if not talk.copies(0) + talk.copies(1) and any(_COMPLAINT.search(frame) for frame in others):
            return _failed(StepName.ACK, summary, lines, self._publish_key, _REFUSES.format("message"))
        return _failed(StepName.ACK, summary, lines, "publish.ack", self._ack_advice(ack, talk, others, naming))

    def delivered(self, talk: Talk) -> Step:
        """User 2 got the message of user 1, or did not; whichever the dialect promises."""
        copies, (own, other) = talk.copies(1), talk.heard
        lines = self._came_instead(other, 2, talk.marker)
        if self.script.publish.reach is Reach.SELF:
            if not copies:
                return Step(StepName.DELIVERY, Outcome.OK, 'user 2 got nothing, as publish.reach = "self" says')
            summary = 'user 2 got the message of user 1 although publish.reach is "self"'
            return _failed(StepName.DELIVERY, summary, lines, "publish.reach", 'try publish.reach = "room"')
        if copies:
            lines = self._came(talk.message_at(1), 2, talk.marker)
            return Step(StepName.DELIVERY, Outcome.OK, f"user 2 got the message of user 1{_times(copies)}", lines)
        summary = f"user 2 did not get the message of user 1 within {self.patience_s:g} s"
        if other.closing is not None:
            summary += f": the server {self._closing(other.closing)}"
        if mark_in(talk, other.frames) is not None:
            return _failed(StepName.DELIVERY, summary, lines, self._publish_key, _SPOILT)
        if talk.copies(0):
            advice = 'user 1 got it: are both in one room, or is this an echo server (publish.reach = "self")?'
            key = "publish.reach" if self.script.join is None else "join.send"
            return _failed(StepName.DELIVERY, summary, lines, key, advice)
        lines += self._came_instead(own, 1, talk.marker)
        advice = "nobody got it: is this the frame that the server passes on, and are both in its room?"
        return _failed(StepName.DELIVERY, summary, lines, self._publish_key, advice)

    def came_back(self, talk: Talk) -> Step:
        """User 1 got its own message, or did not; whichever the dialect promises."""
        publish, copies = self.script.publish, talk.copies(0)
        expected = publish.echo or publish.reach is Reach.SELF
        lines = self._came_instead(talk.heard[0], 1, talk.marker)
        key = "publish.reach" if publish.reach is Reach.SELF else "publish.echo"
        declared = f"{key} is " + ('"self"' if publish.reach is Reach.SELF else str(publish.echo).lower())
        if expected and copies:
            lines = self._came(talk.message_at(0), 1, talk.marker)
            return Step(StepName.OWN_MESSAGE, Outcome.OK, f"user 1 got its own message back{_times(copies)}", lines)
        if expected:
            summary = f"user 1 did not get its own message back although {declared}"
            if mark_in(talk, talk.heard[0].frames) is not None:
                return _failed(StepName.OWN_MESSAGE, summary, lines, self._publish_key, _SPOILT)
            if not talk.copies(1):
                advice = "nobody got it: is this the frame that the server passes on?"
                return _failed(StepName.OWN_MESSAGE, summary, lines, self._publish_key, advice)
            try_this = 'publish.reach = "room"' if publish.reach is Reach.SELF else "publish.echo = false"
            return _failed(StepName.OWN_MESSAGE, summary, lines, key, f"try {try_this}")
        if copies:
            summary = f"user 1 got its own message back although {declared}"
            advice = "try publish.echo = true; an acknowledgement that repeats the whole text is taken for one, too"
            return _failed(StepName.OWN_MESSAGE, summary, lines, key, advice)
        return Step(StepName.OWN_MESSAGE, Outcome.OK, f"user 1 did not get its own message back, as {declared} says")

    def marked(self, talk: Talk) -> Step:
        """The marker came through as it was sent, or was spoilt on the way."""
        for user in self._receivers:
            mark = mark_in(talk, talk.heard[user].frames)
            if mark is not None and mark.fate is not Fate.INTACT:
                lines = self._came(talk.heard[user], user + 1, talk.marker)
                summary = f"user {user + 1} did not get it as it was sent: {mark.says(talk)}"
                return _failed(StepName.MARKER, summary, lines, self._publish_key, mark.advice(talk))
        if talk.copies(0) or talk.copies(1):
            return Step(StepName.MARKER, Outcome.OK, "it came through as it was sent")
        return Step(StepName.MARKER, Outcome.NOT_ASKED_FOR, "nothing came that could hold it")

    @property
    def _receivers(self) -> list[int]:
        """The users (from 0) whom the message of user 1 must reach."""
        publish = self.script.publish
        return [1] * (publish.reach is Reach.ROOM) + [0] * (publish.echo or publish.reach is Reach.SELF)

    @property
    def _publish_key(self) -> str:
        return "publish.http" if self.script.publish.send is None else "publish.send"

    # --- staying and leaving

    def kept_alive(self, waits: Sequence[Wait], reply_count: int) -> Step:
        """The connections outlived the dialect's regular frame, or did not."""
        alive = self.script.alive
        closed = next((i for i, each in enumerate(waits) if each.heard.closing is not None), 0)
        wait = waits[closed]
        lines = (*self._sent(wait.sent, closed + 1), *self._came(wait.heard, closed + 1))
        replies = f"answered as alive.reply says: {reply_count:,} frames" if alive.reply else None
        if wait.heard.closing is not None:
            summary = f"the server {self._closing(wait.heard.closing)}"
            key = "alive.send" if wait.sent else "alive.reply"
            return _failed(StepName.ALIVE, summary, lines, key, "what does the server want to hear regularly?")
        if wait.sent:
            summary = "sent, and the connections live" + (f"; {replies}" if replies else "")
            return Step(StepName.ALIVE, Outcome.OK, summary, lines)
        if replies is not None and reply_count:
            return Step(StepName.ALIVE, Outcome.OK, replies, lines)
        why = "no frame that alive.reply names has come yet" if alive.reply else "the dialect has no [alive]"
        return Step(StepName.ALIVE, Outcome.NOT_ASKED_FOR, why, lines)

    def closed(self, closings: Sequence[Closing | None]) -> Step:
        """The server answered the closing handshake, or a run will have to hang up."""
        if all(closing is not None and closing.code != _NO_CLOSE_FRAME for closing in closings):
            return Step(StepName.CLOSE, Outcome.OK, "the server answered the closing handshake")
        summary = "the server did not answer the closing handshake; a run hangs up then, and measures all the same"
        return Step(StepName.CLOSE, Outcome.OK, summary)

    # --- in words

    def _shown(self, text: str, marker: str | None = None) -> str:
        """Fit to be read: on one line, short, without secrets."""
        text = printable(self.secrets.hide(text)).strip()
        if marker is not None:
            text = text.replace(marker, MARKER)
        if len(text) <= EXCERPT_CHARACTERS:
            return text
        # The marker stands at the end of a message, and must be seen.
        at = text.find(MARKER)
        tail = text[at : at + 40] if at >= EXCERPT_CHARACTERS - len(MARKER) else ""
        return f"{text[: EXCERPT_CHARACTERS - len(tail)]}...{tail}"

    def _sent(self, frames: Iterable[bytes], user: int, marker: str | None = None) -> tuple[Line, ...]:
        return tuple(Line(Direction.SENT, user, self._frame(frame, marker)) for frame in frames)

    def _came(self, heard: Overheard, user: int, marker: str | None = None) -> tuple[Line, ...]:
        """The first frames; of those that came after the message, the ones that hold it come first."""
        frames: Sequence[bytes] = heard.frames
        if marker is not None:
            frames = sorted(frames, key=lambda frame: marker.encode() not in frame)
        lines = [Line(Direction.CAME, user, self._frame(frame, marker)) for frame in frames[:FRAMES_SHOWN]]
        more = heard.frame_count - len(lines)
        if more > 0:
            lines.append(Line(Direction.CAME, user, f"and {more:,} more frames"))
        return tuple(lines)

    def _came_instead(self, heard: Overheard, user: int, marker: str | None = None) -> tuple[Line, ...]:
        """The same where something was missed: that nothing came is worth a line then."""
        return self._came(heard, user, marker) or (Line(Direction.CAME, user, "nothing came"),)

    def _frame(self, frame: bytes, marker: str | None) -> str:
        return self._shown(frame.decode(errors="replace"), marker) or "an empty frame"

    def _trouble(self, trouble: Trouble | None) -> str:
        assert trouble is not None, "no answer, and no reason for it"
        if trouble.kind is ErrorKind.TIMEOUT:
            return f"no answer within {self.patience_s:g} s"
        status = _STATUS.search(trouble.text)
        if status is not None and trouble.kind.startswith("http"):
            return f"HTTP {status[1]}"
        return f"{trouble.kind.replace('_', ' ')} ({self._shown(trouble.text)})"

    def _closing(self, closing: Closing) -> str:
        if closing.code == _NO_CLOSE_FRAME:
            return "hung up without a close frame"
        reason = f" {self._shown(closing.reason)!r}" if closing.reason else ""
        return f"closed with {closing.code}{reason}"

    def _login_lines(self, attempt: LoginAttempt, user: int) -> tuple[Line, ...]:
        lines = [Line(Direction.SENT, user, self._shown(_request_text(attempt.request)))]
        if attempt.answer is not None:
            # A token that the dialect does not find is one that we cannot know: nothing that may hold it is shown.
            let_in = not attempt.is_refused
            body = _bare(attempt.answer.body) if let_in else attempt.answer.body.decode(errors="replace")
            lines.append(Line(Direction.CAME, user, self._shown(f"{attempt.answer.status} {body}")))
        return tuple(lines)

    def _opening(self, opening: Opening) -> str:
        names = [name for name, _ in opening.headers]
        said = f"GET {opening.path}"
        if names:
            said += f" with {', '.join(names)}"
        if opening.subprotocols:
            said += f" and subprotocol {', '.join(opening.subprotocols)}"
        return self._shown(said)

    def _filled(self, text: str, user: int) -> str:
        """``text`` with its placeholders replaced for a user (from 0)."""
        person = self.people[user]
        values = {
            "username": person.username,
            "password": person.password,
            "token": person.token or "",
            "user_id": str(user + 1),
            "room": self.room,
        }
        return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)

    # --- advice

    def _connect_advice(self, trouble: Trouble) -> tuple[str, str]:
        status = _STATUS.search(trouble.text)
        match trouble.kind:
            case ErrorKind.TLS:
                return "--target", "is it https or wss at all? --insecure takes any certificate"
            case ErrorKind.HTTP_4XX if status is not None and status[1] in ("401", "403"):
                key, advice = self._token_place()
                return key, f"{advice}; some servers say so of a path they do not know, too: see connect.path"
            case ErrorKind.HTTP_4XX if status is not None and status[1] in ("400", "426"):
                return "connect.subprotocols", "the server wants another handshake: subprotocol, headers or query"
            case ErrorKind.HTTP_5XX:
                return "connect.path", "the server failed by itself: see its log"
            case _:
                return "connect.path", "does the server take WebSockets at this path?"

    def _token_place(self) -> tuple[str, str]:
        """The key that carries the token, and what to say where the server does not like it."""
        connect = self.script.connect
        for key, value in (
            ("connect.path", connect.path),
            ("connect.headers", connect.headers),
            ("connect.subprotocols", connect.subprotocols),
            ("connect.send", connect.send),
        ):
            if "token" in placeholders(value):
                return key, "is this where the server wants the token, and is login.token the right one?"
        if self.script.login is None:
            return "connect.path", "does the server want a login first?"
        return "connect.path", 'the token is put nowhere: try "?token={token}", or a header in connect.headers'

    def _until_advice(self, section: str, awaited: str, wait: Wait) -> tuple[str, str]:
        key, is_pattern = f"{section}.until", awaited.startswith("re:")
        if not wait.heard.frame_count:
            if section == "join":
                return "join.send", "the server did not answer: is this how it is asked for a room?"
            return key, "the server says nothing by itself: leave until out, or tell it something first (connect.send)"
        for frame in () if is_pattern else wait.heard.frames:
            written = as_written(awaited, frame)
            if written is not None:
                return key, f"the server writes it in another way: until = {_quoted(self._shown(written))}"
        if not is_pattern and any(_holds_all(awaited, frame) for frame in wait.heard.frames):
            return key, "a frame holds all its parts, but not side by side: await one of them, or a pattern (re:...)"
        if section == "join" and any(_COMPLAINT.search(frame) for frame in wait.heard.frames):
            return "join.send", _REFUSES.format("join")
        return key, "which of the frames that came is the one to await? Take a text from it that no other frame has"

    def _ack_advice(self, ack: str, talk: Talk, others: Sequence[bytes], naming: bytes | None) -> str:
        pattern = ack_pattern(ack)
        ours = talk.message_id.encode()
        for frame in talk.heard[0].frames:
            if talk.marker.encode() in frame and any(found["our_id"] == ours for found in pattern.finditer(frame)):
                return "it came within the message itself, where none is looked for: leave publish.ack out"
        if naming is not None:
            return f"our id came back in another form: try {self._ack_from(naming, talk)}"
        for frame in others:
            found = pattern.search(frame)
            if found is not None:
                theirs = self._shown(found["our_id"].decode(errors="replace"))
                return f"the server acknowledges {theirs}, our id is {talk.message_id}: it must give back our {{id}}"
        return "none of what came names our id: does the server acknowledge at all? If not, leave publish.ack out"

    def _ack_from(self, frame: bytes, talk: Talk) -> str:
        """The line for a dialect file that would take this frame for an acknowledgement."""
        text = frame.decode(errors="replace")
        at = text.index(talk.message_id)
        # A few characters before the id tell it from other frames; what follows may differ each time.
        before, after = text[max(0, at - 40) : at], text[at + len(talk.message_id) :][:1]
        before = printable(self.secrets.hide(before))
        return f"ack = {_quoted(before + '{id}' + ('' if after.isalnum() else after.strip()))}"


_REFUSES = "the server seems to refuse the {}: see what came"
_SPOILT = "it came spoilt: see the marker below"
_NO_CLOSE_FRAME = 1006
# As the transport says it of an answer to the handshake that is no 101.
_BEFORE_STATUS = "but received "
_STATUS = re.compile(r"\b([345]\d\d)\b")
_COMPLAINT = re.compile(rb"(?i)\berr\b|error|denied|forbidden|invalid|unauthor|not allowed|refused|unknown")
_TOKEN_NAME = re.compile(r"(?i)token|jwt|session|auth|ticket|sid$")


def _failed(
    name: StepName,
    summary: str,
    lines: tuple[Line, ...],
    key: str | None,
    advice: str,
    *,
    nobody_got_in: bool = False,
) -> Step:
    return Step(name, Outcome.FAILED, summary, lines, key, advice, nobody_got_in)


def _times(count: int) -> str:
    return "" if count == 1 else f", {count} times: a run counts the others as duplicates"


def _quoted(text: str) -> str:
    """As TOML writes it, in single quotes where it can."""
    return f"'{text}'" if "'" not in text else json.dumps(text)


# --- logins -------------------------------------------------------------------------------------------------


def _request_text(request: HttpRequest) -> str:
    """Method, path, the names of headers, and the body."""
    parts = [request.method, request.path]
    if request.headers:
        parts.append(f"with {', '.join(name for name, _ in request.headers)}")
    if request.body is not None:
        parts.append(request.body.decode(errors="replace"))
    return " ".join(parts)


def _login_advice(http: HttpScript, attempt: LoginAttempt) -> tuple[str | None, str]:
    body = "login.json" if http.json is not None else "login.form" if http.form is not None else "login.body"
    if attempt.answer is None:
        if attempt.trouble is not None and attempt.trouble.kind is ErrorKind.TLS:
            return "--target", "is it https at all? --insecure takes any certificate"
        return "login.path", "does the server answer at this path?"
    status = attempt.answer.status
    if status in (401, 403):
        return body, "does the server know these names and passwords (--users-file), and are the fields called so?"
    if status in (404, 405):
        return "login.path", "is this the path, and login.method the method, of the login?"
    if status == 429:
        return None, "the server limits how often one may log in: lift that for a load test"
    if 300 <= status < 400:
        to = next((value for name, value in attempt.answer.headers if name.lower() == "location"), None)
        where = "elsewhere" if to is None else f"to {printable(to.partition('?')[0])}"
        return "login.path", f"the server sends logins {where}, and no redirect is followed: name that place"
    if status >= 500:
        return None, "the server failed by itself: see its log"
    return body, "does the server want other fields, or a form instead of JSON?"


def _token_advice(answer: HttpAnswer) -> str:
    places = [*_places_in(answer)]
    if not places:
        return "nothing in the answer looks like a token: is this the login?"
    return "try " + " or ".join(_quoted(place) for place in places[:3])


def _places_in(answer: HttpAnswer) -> Iterator[str]:
    """Where a token may be, the likeliest first, as a dialect file says it."""
    texts = [*_texts_in(_json_of(answer.body), "$")]
    yield from (path for path, _ in texts if _TOKEN_NAME.search(path.rpartition(".")[2]) and not path.endswith("type"))
    yield from (f"cookie:{name}" for name, _ in answer.cookies)
    yield from (f"header:{name}" for name, _ in answer.headers if _TOKEN_NAME.search(name))
    # Whatever it is called, a token is long.
    yield from (path for path, value in texts if len(value) >= 16 and not _TOKEN_NAME.search(path))


def _json_of(body: bytes) -> Any:
    try:
        return json.loads(body)
    # A tower of brackets ends the parser's recursion.
    except (ValueError, RecursionError):
        return None


def _texts_in(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """JSONPath and text of every string in it."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _texts_in(part, f"{path}.{key}" if re.fullmatch(r"[A-Za-z_]\w*", key) else f"{path}['{key}']")
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from _texts_in(part, f"{path}[{i}]")
    elif isinstance(value, str):
        yield path, value


def _bare(body: bytes) -> str:
    """The shape of an answer that may hold a token: its keys, and no value."""
    value = _json_of(body)
    return f"({len(body)} bytes, no JSON)" if value is None else json.dumps(_emptied(value))


def _emptied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _emptied(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_emptied(part) for part in value]
    return value if value is None or isinstance(value, bool) else HIDDEN


# --- near misses --------------------------------------------------------------------------------------------


def as_written(awaited: str, frame: bytes) -> str | None:
    """The part of a frame that is the awaited text but for blanks and capitals; None where there is none."""
    pattern = r"\s*".join(re.escape(character) for character in awaited if not character.isspace())
    found = re.search(pattern, frame.decode(errors="replace"), re.IGNORECASE)
    return found[0] if found is not None and found[0] != awaited else None


def _holds_all(awaited: str, frame: bytes) -> bool:
    """Whether the parts of a text, as commas divide it, all stand somewhere in the frame."""
    parts = [part for part in awaited.split(",") if part.strip()]
    return len(parts) > 1 and all(part.strip().encode() in frame or as_written(part, frame) for part in parts)


def _number_in(frames: Iterable[bytes], ack: str, message_id: str) -> int | None:
    pattern = ack_pattern(ack)
    if "number" not in pattern.groupindex:
        return None
    for found in (found for frame in frames for found in pattern.finditer(frame)):
        if found["our_id"] == message_id.encode() and found["number"] is not None:
            return int(found["number"])
    return None


class Fate(StrEnum):
    """What became of a marker on its way."""

    INTACT = "intact"
    OTHER_CASE = "other case"
    BROKEN_UP = "broken up"
    BASE64 = "base64"
    CUT = "cut"
    ALTERED = "altered"
    BEHEADED = "beheaded"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Mark:
    """What became of a marker, and how many characters of it, or where it was dropped of the text, are as they were."""

    fate: Fate
    kept: int

    def says(self, talk: Talk) -> str:
        """What happened, in a sentence."""
        size = len(talk.marker)
        match self.fate:
            case Fate.INTACT:
                return "it came through as it was sent"
            case Fate.OTHER_CASE:
                return "its letters were changed to upper or mixed case"
            case Fate.BROKEN_UP:
                return "other characters were put between its own"
            case Fate.BASE64:
                return "the text came in base64"
            case Fate.CUT:
                return f"the text was shortened: {self.kept} of the marker's {size} characters are left"
            case Fate.ALTERED:
                return f"it was altered from character {self.kept + 1} of {size} on"
            case Fate.BEHEADED:
                return f"only its last {self.kept} of {size} characters came"
            case Fate.DROPPED:
                return f"the text came without it: {self.kept} of its {len(talk.text)} characters are left"

    def advice(self, talk: Talk) -> str:
        """What to try."""
        match self.fate:
            case Fate.CUT | Fate.DROPPED:
                kept = self.kept + (talk.text.index(talk.marker) if self.fate is Fate.CUT else 0)
                least = len(talk.marker)
                if kept >= least:
                    return f"the server shortens texts: a run needs --payload {kept} or less"
                return f"the server shortens texts to less than the {least} characters of a marker: lift that limit"
            case Fate.BASE64:
                return "the message must reach others as it is: is there another frame for plain text?"
            case _:
                return "the server changes texts: a filter of long words or numbers, or mark-up? Switch it off"


def mark_in(talk: Talk, frames: Sequence[bytes]) -> Mark | None:
    """What became of the marker in the frames that came; None where none of them has anything of the message."""
    marks = [mark for frame in frames if (mark := _mark_of(talk, frame.decode(errors="replace"))) is not None]
    ranks = list(Fate)
    return min(marks, key=lambda mark: (ranks.index(mark.fate), -mark.kept), default=None)


def _mark_of(talk: Talk, frame: str) -> Mark | None:
    marker, size = talk.marker, len(talk.marker)
    if marker in frame:
        return Mark(Fate.INTACT, size)
    if marker in frame.lower():
        return Mark(Fate.OTHER_CASE, size)
    if marker in re.sub(r"[^0-9a-z]", "", frame):
        return Mark(Fate.BROKEN_UP, size)
    if any(code in frame for code in _in_base64(marker)):
        return Mark(Fate.BASE64, size)
    head = _longest(frame, (marker[:length] for length in range(size - 1, PREFIX_WIDTH - 1, -1)))
    if head is not None:
        follows = frame[frame.index(head) + len(head) :][:1]
        return Mark(Fate.ALTERED if follows.isalnum() or follows in ("*", "#") else Fate.CUT, len(head))
    tail = _longest(frame, (marker[-length:] for length in range(size - 1, PREFIX_WIDTH - 1, -1)))
    if tail is not None:
        return Mark(Fate.BEHEADED, len(tail))
    words = talk.text[: talk.text.index(marker)]
    head = _longest(frame, (words[:length] for length in range(len(words), TELLING_CHARACTERS - 1, -1)))
    return None if head is None else Mark(Fate.DROPPED, len(head))


def _longest(text: str, parts: Iterable[str]) -> str | None:
    """The first of the parts that is in the text; they come longest first."""
    return next((part for part in parts if part in text), None)


def _in_base64(text: str) -> list[str]:
    """The text in base64, without its ends, for each of the three ways in which it may lie over its digits."""
    codes = []
    for shift, start in ((0, 0), (1, 2), (2, 3)):
        whole = (shift + len(text)) // 3 * 4
        codes.append(base64.b64encode(b"x" * shift + text.encode()).decode()[start : whole - 4])
    return codes
