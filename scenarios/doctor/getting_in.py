"""How the two users got in: reach, log in, connect, greeting, join. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loadgen.errors import ErrorKind
from scenarios.doctor import advice
from scenarios.doctor.attempts import ConnectAttempt, LoginAttempt, Wait
from scenarios.doctor.case import Case
from scenarios.doctor.steps import Advice, Direction, Line, Outcome, Step, StepName, failed


def reached(case: Case, address: str, trouble: str | None) -> Step:
    """The servers take connections, or one of them does not."""
    if trouble is None:
        return Step(StepName.REACH, Outcome.OK, case.words.shown(f"{address} takes connections"))
    summary = case.words.shown(trouble.removesuffix("; is the server running?"))
    what_to_try = Advice(None, "is the server running, and is its address right (--target)?")
    return replace(failed(StepName.REACH, summary, (), what_to_try), nobody_got_in=True)


def logged_in(case: Case, attempts: Sequence[LoginAttempt] | None, *, have_tokens: bool) -> Step:
    """Both have a token, or one was refused; ``attempts`` is None where nobody logs in."""
    login = case.script.login
    if attempts is None or login is None:
        why = "the tokens come from a file" if have_tokens else "the dialect has no [login]"
        return Step(StepName.LOGIN, Outcome.NOT_ASKED_FOR, why)
    worst = next((i for i, each in enumerate(attempts) if each.is_refused or not each.has_token), 0)
    attempt = attempts[worst]
    lines = case.words.login(attempt, worst + 1)
    if attempt.is_refused:
        everybody = all(each.is_refused for each in attempts)
        who = "neither user was" if everybody else f"user {worst + 1} was not"
        summary = f"{who} let in: {_refusal(case, attempt)}"
        step = failed(StepName.LOGIN, summary, lines, advice.of_login(login.http, attempt))
        return replace(step, nobody_got_in=everybody)
    assert attempt.answer is not None, "not refused without an answer"
    status = f"HTTP {attempt.answer.status}"
    if not attempt.has_token:
        summary = f"{status}, but there is no token at {login.token}"
        return failed(StepName.LOGIN, summary, lines, advice.of_token(attempt.answer))
    where = "no token is asked for" if login.token is None else f"the token was found at {login.token}"
    return Step(StepName.LOGIN, Outcome.OK, f"{status}, {where}", lines)


def _refusal(case: Case, attempt: LoginAttempt) -> str:
    if attempt.answer is not None:
        return f"HTTP {attempt.answer.status}"
    assert attempt.trouble is not None, "no answer, and no reason for it"
    return case.words.trouble(attempt.trouble)


def connected(case: Case, attempts: Sequence[ConnectAttempt]) -> Step:
    """Both have a WebSocket, or one has not."""
    worst = next((i for i, each in enumerate(attempts) if each.trouble or each.closing), 0)
    attempt, user = attempts[worst], worst + 1
    lines: tuple[Line, ...] = (case.words.opening(attempt.opening, user),)
    if attempt.trouble is not None:
        if attempt.trouble.kind is not ErrorKind.TIMEOUT:
            lines += (Line(Direction.CAME, user, case.words.shown(attempt.trouble.said)),)
        summary = f"user {user} got no WebSocket: {case.words.trouble(attempt.trouble)}"
        return failed(StepName.CONNECT, summary, lines, advice.of_connect(case.script, attempt.trouble))
    if attempt.closing is not None:
        summary = f"user {user} was let in with 101, and the server {case.words.closing(attempt.closing)} at once"
        return failed(StepName.CONNECT, summary, lines, advice.of_token_place(case.script))
    lines += (Line(Direction.CAME, user, "101 Switching Protocols"),)
    return Step(StepName.CONNECT, Outcome.OK, "both users have a WebSocket", lines)


def greeted(case: Case, waits: Sequence[Wait]) -> Step:
    """What came after the 101 held connect.until, or did not."""
    unasked = "nothing is awaited after the 101"
    return _waited(case, _Awaited(StepName.GREETING, "connect", case.script.connect.until, unasked), waits)


def joined(case: Case, waits: Sequence[Wait]) -> Step:
    """The room was confirmed, or was not."""
    join = case.script.join
    if join is None:
        rooms = (
            "in the room that its address names" if case.script.connect.names_room else "and everybody shares one room"
        )
        why = f"no [join]: joined at the 101, {rooms}"
        return Step(StepName.JOIN, Outcome.NOT_ASKED_FOR, why)
    return _waited(case, _Awaited(StepName.JOIN, "join", join.until, "sent; no confirmation is awaited"), waits)


@dataclass(frozen=True, slots=True)
class _Awaited:
    """What a section of a dialect file awaits; None where nothing, of which ``unasked`` tells."""

    step: StepName
    section: str
    until: str | None
    unasked: str


def _waited(case: Case, awaited: _Awaited, waits: Sequence[Wait]) -> Step:
    words, name = case.words, awaited.step
    worst = next((i for i, each in enumerate(waits) if not each.has_come or each.heard.closing or each.refusal), 0)
    wait, user = waits[worst], worst + 1
    until = None if awaited.until is None else wait.awaited or case.filled(awaited.until, worst)
    sent = words.sent(wait.sent, user)
    lines = (*sent, *words.came(wait.heard, user))
    if wait.refusal is not None:
        summary = f"the server refused user {user}: {words.shown(wait.refusal)}"
        return failed(
            name,
            summary,
            lines,
            Advice(f"{awaited.section}.send", "by errors.frames this is a refusal: see what it says"),
        )
    if wait.heard.closing is not None:
        summary = f"the server {words.closing(wait.heard.closing)} while user {user} waited"
        key = f"{awaited.section}.send" if wait.sent else f"{awaited.section}.until"
        disliked = Advice(key, "the server did not like what came before: see its reason")
        return failed(name, summary, lines, advice.of_refrain(case) or disliked)
    if not wait.has_come:
        assert until is not None, "nothing is waited for"
        summary = f"no frame held {words.quoted(until)} {words.in_time}"
        lines = (*sent, *words.came_instead(wait.heard, user))
        return failed(name, summary, lines, advice.of_until(case, awaited.section, until, wait))
    if until is None:
        return Step(name, Outcome.OK if wait.sent else Outcome.NOT_ASKED_FOR, awaited.unasked, lines)
    return Step(name, Outcome.OK, f"a frame held {words.quoted(until)}", lines)
