"""How what was sent and what came is shown: in short lines, on one line each, and without a secret. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadgen.dialects import HttpRequest, Opening
from loadgen.errors import ErrorKind
from loadgen.plan.secrets import Secrets
from reports.numbers import printable
from scenarios.doctor.attempts import Closing, LoginAttempt, Overheard, Trouble
from scenarios.doctor.login_answer import shape_of
from scenarios.doctor.steps import Direction, Line

MARKER = "<marker>"
# So much of a frame tells what it is, on two lines of a terminal.
EXCERPT_CHARACTERS = 160
FRAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Wording:
    """Puts into words what happened to the two users; whatever was sent or came goes through ``secrets``."""

    secrets: Secrets
    patience_s: float
    """How long was waited for each thing that did not come."""

    @property
    def in_time(self) -> str:
        """How long that was, at the end of a sentence."""
        return f"within {self.patience_s:g} s"

    def shown(self, text: str, marker: str | None = None) -> str:
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

    def quoted(self, text: str) -> str:
        """The same as a dialect file would say it."""
        return quoted(self.shown(text))

    def sent(self, frames: Iterable[bytes], user: int, marker: str | None = None) -> tuple[Line, ...]:
        """A line for each frame that a user (from 1) sent."""
        return tuple(Line(Direction.SENT, user, self._frame(frame, marker)) for frame in frames)

    def came(self, heard: Overheard, user: int, marker: str | None = None) -> tuple[Line, ...]:
        """The first frames; of those that came after the message, the ones that hold it come first."""
        frames: Sequence[bytes] = heard.frames
        if marker is not None:
            frames = sorted(frames, key=lambda frame: marker.encode() not in frame)
        lines = [Line(Direction.CAME, user, self._frame(frame, marker)) for frame in frames[:FRAMES_SHOWN]]
        more = heard.frame_count - len(lines)
        if more > 0:
            lines.append(Line(Direction.CAME, user, f"and {more:,} more frames"))
        return tuple(lines)

    def came_instead(self, heard: Overheard, user: int, marker: str | None = None) -> tuple[Line, ...]:
        """The same where something was missed: that nothing came is worth a line then."""
        return self.came(heard, user, marker) or (Line(Direction.CAME, user, "nothing came"),)

    def request(self, request: HttpRequest, user: int, marker: str | None = None) -> Line:
        """Method, path, the names of headers, and the body."""
        parts = [request.method, request.path]
        if request.headers:
            parts.append(f"with {', '.join(name for name, _ in request.headers)}")
        if request.body is not None:
            parts.append(request.body.decode(errors="replace"))
        return Line(Direction.SENT, user, self.shown(" ".join(parts), marker))

    def login(self, attempt: LoginAttempt, user: int) -> tuple[Line, ...]:
        """A login and its answer."""
        lines = (self.request(attempt.request, user),)
        if attempt.answer is None:
            return lines
        # A token that the dialect does not find is one that we cannot know: nothing that may hold it is shown.
        body = attempt.answer.body.decode(errors="replace") if attempt.is_refused else shape_of(attempt.answer.body)
        return *lines, Line(Direction.CAME, user, self.shown(f"{attempt.answer.status} {body}"))

    def opening(self, opening: Opening, user: int) -> Line:
        """A handshake, with the names of its headers."""
        said = f"GET {opening.path}"
        if opening.headers:
            said += f" with {', '.join(name for name, _ in opening.headers)}"
        if opening.subprotocols:
            said += f" and subprotocol {', '.join(opening.subprotocols)}"
        return Line(Direction.SENT, user, self.shown(said))

    def trouble(self, trouble: Trouble) -> str:
        """Why there is no answer."""
        if trouble.kind is ErrorKind.TIMEOUT:
            return f"no answer {self.in_time}"
        if trouble.status is not None:
            return f"HTTP {trouble.status}"
        return f"{trouble.kind.replace('_', ' ')} ({self.shown(trouble.text)})"

    def closing(self, closing: Closing) -> str:
        """What the server did to end a connection."""
        if not closing.was_said:
            return "hung up without a close frame"
        reason = f" {self.shown(closing.reason)!r}" if closing.reason else ""
        return f"closed with {closing.code}{reason}"

    def _frame(self, frame: bytes, marker: str | None) -> str:
        text = frame.decode(errors="backslashreplace")
        # What a binary protocol writes between its texts is readable as numbers only.
        text = "".join(c if c.isprintable() or c.isspace() else f"\\x{ord(c):02x}" for c in text)
        return self.shown(text, marker) or "an empty frame"


def quoted(text: str) -> str:
    """As TOML writes it, in single quotes where it can."""
    return f"'{text}'" if "'" not in text else json.dumps(text)
