"""The content security policy of a page: what it holds from the start may act, and nothing that gets into it later."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable


def policy(
    styles: Iterable[str],
    scripts: Iterable[str] = (),
    *,
    may_ask: bool = False,
    may_frame: bool = False,
    styled_pictures: bool = False,
) -> str:
    """These styles and scripts alone may act, and with trusted types not even they can turn a text into HTML.

    Each is the very text between its tags. With ``may_ask`` a script may ask the server that the page came from, and
    with ``may_frame`` show another page of it within this one; with ``styled_pictures`` elements may have style
    attributes, as those of an <svg> by matplotlib do.
    """
    style = " ".join(map(_digest, styles))
    script = " ".join(map(_digest, scripts)) or "'none'"
    # A browser that does not tell elements and attributes apart (before 2022) goes by style-src.
    styling = f"style-src 'unsafe-inline'; style-src-elem {style}; style-src-attr 'unsafe-inline'"
    return "; ".join(
        [
            "default-src 'none'",
            styling if styled_pictures else f"style-src {style}",
            f"script-src {script}",
            *(["connect-src 'self'"] if may_ask else []),
            *(["frame-src 'self'"] if may_frame else []),
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
