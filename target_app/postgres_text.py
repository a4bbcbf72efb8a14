"""Any text in PostgreSQL, which takes every character but NUL. Pure.

A NUL, and the character that we put in its place, are written as two characters that Unicode sets aside for programs'
own use; every other text is kept as it is, for whoever looks into the table.
"""

# Noncharacters: never to be exchanged as text, says Unicode, so hardly anybody's text has one.
_ESCAPE, _NUL = "\ufdd0", "\ufdd1"


def storable(text: str) -> str:
    """Return the text as the database takes it."""
    if "\0" not in text and _ESCAPE not in text:
        return text
    return text.replace(_ESCAPE, _ESCAPE * 2).replace("\0", _ESCAPE + _NUL)


def stored(text: str) -> str:
    """Return the text that was made storable."""
    if _ESCAPE not in text:
        return text
    return _ESCAPE.join(part.replace(_ESCAPE + _NUL, "\0") for part in text.split(_ESCAPE * 2))
