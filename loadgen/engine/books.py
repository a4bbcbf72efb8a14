"""Where all users of a process write down what they see. It touches no socket and no clock."""

from __future__ import annotations

from collections.abc import Callable

from loadgen.dialects import HttpAnswer
from loadgen.engine.error_pages import readable
from loadgen.errors import ErrorKind, kind_of_status
from loadgen.measure import marker
from loadgen.measure.closes import END
from loadgen.measure.ledger import Ledger
from loadgen.measure.payload import Payload
from loadgen.measure.tally import Count, Metric, Tally
from loadgen.plan.secrets import Secrets
from loadgen.plan.slices import SliceKind

MOST_SHOWN_BYTES = 200
# So much of an envelope, or of the words, tells what a frame is.
BEFORE_MARKER_BYTES = 60
# To look for secrets in so much takes 0.4 s at worst, and no token is longer, in whatever form it comes.
MOST_SEARCHED_CHARACTERS = 500_000


def shown(frame: bytes) -> str:
    """A frame of which an error tells."""
    return repr(frame[:MOST_SHOWN_BYTES].decode(errors="replace"))


class Books:
    """Where all users of a process write down what they see."""

    __slots__ = (
        "awaited_count",
        "catches_up",
        "deadline_ns",
        "is_over",
        "ledger",
        "names_steps",
        "on_ack",
        "payload",
        "phase",
        "planned_close",
        "prefix",
        "secrets_of",
        "tag",
        "tally",
    )

    def __init__(self, ledger: Ledger, payload: Payload, tag: str, deadline_ns: int) -> None:
        self.ledger = ledger
        self.tally: Tally = ledger.tally
        self.payload = payload
        self.tag = tag
        self.prefix = marker.prefix_of(tag)
        ledger.on_damaged = lambda frame: self.text_changed(frame, frame.find(self.prefix))
        self.deadline_ns = deadline_ns
        self.awaited_count = 0
        """Messages of all users whose acknowledgement may still come."""
        self.phase = "login"
        """Errors are counted under it, and what belongs to the whole run."""
        self.names_steps = False
        """Whether those of a user who does not get in are counted under its step instead: others are elsewhere."""
        self.on_ack: Callable[[int, bytes, int], None] | None = None
        """Told of each acknowledgement: the user, the marker of its message, and when."""
        self.is_over = False
        """Whether the run has ended, and what is still open is closed."""
        self.catches_up = False
        """Whether who comes back reads what it has missed."""
        self.secrets_of: Callable[[int | None, str], Secrets] = lambda _, token: Secrets.of([token])
        """What may not be shown of a user (None: of nobody in particular) who has this token."""
        self.planned_close: Callable[[int, int], tuple[int, int] | None] | None = None
        """Tells of a close code, and when it came, which incident of the plan it belongs to, and when that began."""

    def error(self, kind: ErrorKind, phase: str, example: str, user: int | None = None, token: str = "") -> None:
        """Count an error; the example is shown without the secrets of the run, and those of the user it happened to."""
        if (kind, phase) not in self.tally.errors:  # else it is not kept
            secrets = self.secrets_of(user, token)
            # Twice: markup may stand within a secret, and one may come to light without it.
            example = secrets.hide(readable(secrets.hide(example[:MOST_SEARCHED_CHARACTERS])))
        self.tally.error(kind, phase, example)

    def count(self, name: Count) -> None:
        """Count something of the whole run, and of the phase that it is in."""
        self.tally.counts[name] += 1
        self.tally.of_slice(SliceKind.PHASE.named(self.phase)).counts[name] += 1

    def time(self, metric: Metric, length_ns: int) -> None:
        """Note how long something took that ends now; the same."""
        self.tally.metrics[metric].record(length_ns)
        self.tally.of_slice(SliceKind.PHASE.named(self.phase)).of(metric).record(length_ns)

    def socket_ended(self, code: int, *, by_us: bool) -> None:
        """A socket that was open is gone; ``by_us``: we had hung up, or asked for it, before."""
        self.tally.closed(code, END if self.is_over else self.phase, by_us=by_us)

    def text_changed(self, frame: bytes, at: int, user: int | None = None, token: str = "") -> None:
        """A frame brought a text whose marker, which stands ``at``, is not as it was sent."""
        where = shown(frame[max(0, at - BEFORE_MARKER_BYTES) :])
        self.error(ErrorKind.TEXT_CHANGED, self.phase, f"the server changed a text on its way: {where}", user, token)

    def answered(self, answer: HttpAnswer, user: int | None = None, token: str = "") -> None:
        """The server has answered a request of somebody who is in, and has this token."""
        if not 200 <= answer.status < 300:
            body = answer.body.decode(errors="replace")
            self.error(kind_of_status(answer.status), self.phase, f"HTTP {answer.status}: {body}", user, token)
