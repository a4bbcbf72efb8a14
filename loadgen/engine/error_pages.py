"""What a server answered, as somebody reads it who looks for the cause: an error page without its markup. Pure."""

from __future__ import annotations

import html
import re

# Of what comes later nothing would be shown.
_MOST_CHARACTERS = 4_000
_PAGE = re.compile(r"<(?:!doctype\s+html|html|head|body|title|h1)\b", re.IGNORECASE)
_UNSEEN = re.compile(r"<(script|style)\b[^<>]*>[^<]*", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


def readable(text: str) -> str:
    """The words of an HTML page, on one line; what is none stays as it is."""
    text_start = text[:_MOST_CHARACTERS]
    if not _PAGE.search(text_start):
        return text
    words = _TAG.sub(" ", _UNSEEN.sub(" ", text_start))
    return " ".join(html.unescape(words).split())
