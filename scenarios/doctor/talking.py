"""What became of the one message: publish, acknowledgement, delivery, own message, marker. Pure."""

from __future__ import annotations

from loadgen.dialects.script import Reach
from loadgen.dialects.template import number_of
from scenarios.doctor import advice
from scenarios.doctor.attempts import Overheard, Talk
from scenarios.doctor.case import Case
from scenarios.doctor.marks import Fate, mark_in
from scenarios.doctor.steps import Advice, Direction, Line, Outcome, Step, StepName, failed

_SPOILT = "it came spoilt: see the marker below"


def published(case: Case, talk: Talk) -> Step:
    """User 1 got its message out, or the server did not take it."""
    words, name, key = case.words, StepName.PUBLISH, case.publish_key
    if isinstance(talk.message, bytes):
        lines = words.sent((talk.message,), 1, talk.marker)
    else:
        lines = (words.request(talk.message, 1, talk.marker),)
    if talk.answer is not None:
        body = talk.answer.body.decode(errors="replace")
        lines += (Line(Direction.CAME, 1, words.shown(f"{talk.answer.status} {body}", talk.marker)),)
    if talk.trouble is not None:
        return failed(name, words.trouble(talk.trouble), lines, Advice(key, "is this the right place?"))
    if talk.answer is not None and not 200 <= talk.answer.status < 300:
        what_to_try = Advice(key, "the answer says what the server wants in the request")
        return failed(name, f"the server answered {talk.answer.status}", lines, what_to_try)
    closing = talk.heard[0].closing
    if closing is not None:
        summary = f"the server {words.closing(closing)} when it got the message"
        lines += words.came(talk.heard[0], 1, talk.marker)
        odd = Advice(key, "does the frame have the form the server wants?")
        return failed(name, summary, lines, advice.of_refrain(case) or odd)
    return Step(name, Outcome.OK, f"user 1 sent a text of {len(talk.text)} bytes", lines)


def acknowledged(case: Case, talk: Talk) -> Step:
    """The server acknowledged the message, or did not."""
    words, name, ack = case.words, StepName.ACK, case.script.publish.ack
    if ack is None:
        offered = advice.ack_offered(case, talk)
        step = Step(name, Outcome.NOT_ASKED_FOR, "publish.ack is left out")
        if offered is None:
            return step
        return Step(
            name, step.outcome, step.summary, key="publish.ack", advice=f"a frame names it all the same: {offered}"
        )
    acks = {frame: found for frame in talk.heard[0].frames if (found := advice.ack_in(case, ack, talk, frame))}
    # It may hide in the message's frame, and a ping that came ten times hides what came once.
    telling = (*acks,) if talk.is_acked and acks else (*dict.fromkeys(talk.heard[0].frames),)
    lines = words.came_instead(Overheard(telling, len(telling)), 1, talk.marker)
    if talk.is_acked:
        number = next((found.room_sequence for found in acks.values()), None)
        matched = "a frame matched publish.ack" + ("" if number is None else f", and {{seq}} is {number}")
        return Step(name, Outcome.OK, matched, lines)
    awaited = ack.replace("{id}", talk.message_id).replace("{n}", number_of(talk.message_id))
    summary = f"no frame matched {words.quoted(awaited)} {words.in_time}"
    return failed(name, summary, lines, advice.of_ack(case, ack, talk))


def delivered(case: Case, talk: Talk) -> Step:
    """User 2 got the message of user 1, or did not; whichever the dialect promises."""
    words, name, copies = case.words, StepName.DELIVERY, talk.copies(1)
    own, other = talk.heard
    lines = words.came_instead(other, 2, talk.marker)
    if case.script.publish.reach is Reach.SELF:
        if not copies:
            return Step(name, Outcome.OK, 'user 2 got nothing, as publish.reach = "self" says')
        summary = 'user 2 got the message of user 1 although publish.reach is "self"'
        return failed(name, summary, lines, Advice("publish.reach", 'try publish.reach = "room"'))
    if copies:
        lines = words.came(talk.message_at(1), 2, talk.marker)
        return Step(name, Outcome.OK, f"user 2 got the message of user 1{_times(copies)}", lines)
    summary = f"user 2 did not get the message of user 1 {words.in_time}"
    if other.closing is not None:
        summary += f": the server {words.closing(other.closing)}"
        if (unanswered := advice.of_refrain(case)) is not None:
            return failed(name, summary, lines, unanswered)
    if mark_in(talk, other.frames) is not None:
        return failed(name, summary, lines, Advice(case.publish_key, _SPOILT))
    if talk.copies(0):
        key = "publish.reach" if case.script.join is None else "join.send"
        text = 'user 1 got it: are both in one room, or is this an echo server (publish.reach = "self")?'
        return failed(name, summary, lines, Advice(key, text))
    lines += words.came_instead(own, 1, talk.marker)
    text = "nobody got it: is this the frame that the server passes on, and are both in its room?"
    return failed(name, summary, lines, Advice(case.publish_key, text))


def came_back(case: Case, talk: Talk) -> Step:
    """User 1 got its own message, or did not; whichever the dialect promises."""
    words, name, copies = case.words, StepName.OWN_MESSAGE, talk.copies(0)
    publish = case.script.publish
    lines = words.came_instead(talk.heard[0], 1, talk.marker)
    if publish.reach is Reach.SELF:
        key, value, other_value = "publish.reach", '"self"', '"room"'
    else:
        key, value, other_value = "publish.echo", str(publish.echo).lower(), str(not publish.echo).lower()
    if case.expects_own:
        if copies:
            lines = words.came(talk.message_at(0), 1, talk.marker)
            return Step(name, Outcome.OK, f"user 1 got its own message back{_times(copies)}", lines)
        summary = f"user 1 did not get its own message back although {key} is {value}"
        if mark_in(talk, talk.heard[0].frames) is not None:
            return failed(name, summary, lines, Advice(case.publish_key, _SPOILT))
        if not talk.copies(1):
            text = "nobody got it: is this the frame that the server passes on?"
            return failed(name, summary, lines, Advice(case.publish_key, text))
        return failed(name, summary, lines, Advice(key, f"try {key} = {other_value}"))
    if copies:
        summary = f"user 1 got its own message back although {key} is {value}"
        text = f"try {key} = {other_value}; an acknowledgement that repeats the whole text is taken for one, too"
        return failed(name, summary, lines, Advice(key, text))
    return Step(name, Outcome.OK, f"user 1 did not get its own message back, as {key} = {value} says")


def marked(case: Case, talk: Talk) -> Step:
    """The marker came through as it was sent, or was spoilt on the way."""
    for user in case.receivers:
        mark = mark_in(talk, talk.heard[user].frames)
        if mark is not None and mark.fate is not Fate.INTACT:
            lines = case.words.came(talk.heard[user], user + 1, talk.marker)
            summary = f"user {user + 1} did not get it as it was sent: {mark.says(talk)}"
            return failed(StepName.MARKER, summary, lines, Advice(case.publish_key, mark.advice(talk)))
    if not (talk.copies(0) or talk.copies(1)):
        return Step(StepName.MARKER, Outcome.NOT_ASKED_FOR, "nothing came that could hold it")
    for user in case.receivers:
        copies = talk.message_at(user)
        if copies.frames and not any(talk.text.encode() in frame for frame in copies.frames):
            lines = case.words.came(copies, user + 1, talk.marker)
            summary = "it came through as it was sent; the words before it were changed, which does a run no harm"
            return Step(StepName.MARKER, Outcome.OK, summary, lines)
    return Step(StepName.MARKER, Outcome.OK, "it came through as it was sent")


def _times(count: int) -> str:
    return "" if count == 1 else f", {count} times: a run counts the others as duplicates"
