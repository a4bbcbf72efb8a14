"""What a file of the catalogue says of itself: its summary and budgets, and the comment that it opens with."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from itertools import takewhile

# What a paragraph of the comment may begin with; a line that begins otherwise goes on with the one before.
_LABELS = ("Source", "Reason", "Look at", "Not yet", "Larger", "Otherwise")
_LABELLED = re.compile(rf"({'|'.join(_LABELS)}): (.*)")
_END_OF_CLAUSE = re.compile(r"[:;]|\.(?!\d)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One scenario of the catalogue."""

    name: str
    summary: str
    question: str | None
    """What its comment opens with; None where it has a line alone."""
    notes: tuple[tuple[str, str], ...]
    """(label, text), in the order of the file."""
    budgets: tuple[str, ...]

    @property
    def source(self) -> str | None:
        """Where its numbers come from, in few words: the first clause of what it says of its source."""
        text = dict(self.notes).get("Source")
        return None if text is None else _END_OF_CLAUSE.split(text)[0]


def entry_of(name: str, text: str) -> Entry:
    """The entry of the file ``text``, which is sound."""
    file = tomllib.loads(text)
    question, notes = _comment_of(text)
    budgets = tuple(
        f"{metric}: {limit}"
        for metric, limits in file.get("budgets", {}).items()
        for limit in ([limits] if isinstance(limits, str) else limits)
    )
    return Entry(name, file["summary"], question, notes, budgets)


def _comment_of(text: str) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """The opening of the comment above the first key, and its notes, each in one line."""
    comment = takewhile(lambda line: line.startswith("#"), text.splitlines())
    paragraphs = [["", ""]]
    for line in (line.removeprefix("#").strip() for line in comment):
        labelled = _LABELLED.match(line)
        if labelled:
            paragraphs.append([labelled[1], labelled[2]])
        else:
            paragraphs[-1][1] = f"{paragraphs[-1][1]} {line}".strip()
    (_, opening), *notes = paragraphs
    return opening or None, tuple((label, words) for label, words in notes)
