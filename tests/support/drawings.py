"""What is drawn of a document: once for all tests of a file that look at it, since it takes a second or two."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from reports.plots import Drawing, draw_for_page


def drawings_of(document: dict[str, Any]) -> list[Drawing]:
    """The pictures of its page."""
    return _drawn(json.dumps(document))


@cache
def _drawn(text: str) -> list[Drawing]:
    return list(draw_for_page(json.loads(text)))
