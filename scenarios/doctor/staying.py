"""Whether the two users could stay, and leave: keep-alive, close. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.doctor.advice import of_refrain
from scenarios.doctor.attempts import Closing, Wait
from scenarios.doctor.case import Case
from scenarios.doctor.steps import Advice, Outcome, Step, StepName, failed


def kept_alive(case: Case, waits: Sequence[Wait], reply_count: int) -> Step:
    """The connections outlived the dialect's regular frame, or did not."""
    words, alive, name = case.words, case.script.alive, StepName.ALIVE
    refrain = of_refrain(case)
    closed_one = next((i for i, each in enumerate(waits) if each.heard.closing is not None), 0)
    wait, user = waits[closed_one], closed_one + 1
    lines = (*words.sent(wait.sent, user), *words.came(wait.heard, user))
    if wait.heard.closing is not None:
        key = "alive.send" if wait.sent else "alive.reply"
        summary = f"the server {words.closing(wait.heard.closing)}"
        regular = Advice(key, "what does the server want to hear regularly?")
        return failed(name, summary, lines, refrain or regular)
    silent = next((i for i, each in enumerate(waits) if not each.has_come), None)
    if silent is not None:
        lines = (*words.sent(waits[silent].sent, silent + 1), *words.came_instead(waits[silent].heard, silent + 1))
        summary = f"no frame held {words.quoted(alive.answer or '')} {words.in_time}: the keep-alive is not answered"
        return failed(name, summary, lines, Advice("alive.answer", "does the server answer it at all, and so?"))
    replies = f"answered as alive.reply says: {reply_count:,} frames" if alive.reply else None
    if wait.sent:
        summary = "sent, and the connections live" + (f"; {replies}" if replies else "")
        return Step(name, Outcome.OK, summary, lines)
    if replies is not None and reply_count:
        return Step(name, Outcome.OK, replies, lines)
    if refrain is not None:
        return Step(name, Outcome.NOT_ASKED_FOR, "the server may want answers", key=refrain.key, advice=refrain.text)
    why = "no frame that alive.reply names has come yet" if alive.reply else "the dialect has no [alive]"
    return Step(name, Outcome.NOT_ASKED_FOR, why, lines)


def closed(closings: Sequence[Closing | None]) -> Step:
    """The server answered the closing handshake, or a run will have to hang up."""
    if all(closing is not None and closing.was_said for closing in closings):
        return Step(StepName.CLOSE, Outcome.OK, "the server answered the closing handshake")
    summary = "the server did not answer the closing handshake; a run hangs up then, and measures all the same"
    return Step(StepName.CLOSE, Outcome.OK, summary)
