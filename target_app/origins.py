"""Whose pages may open a WebSocket here: our own, and those we are told of.

A browser lets any page connect to any server, and says in `Origin` which page it was (RFC 6455, 10.2). A program
sends no Origin, and is let in by its token alone.
"""

from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def is_allowed(origin: str | None, host: str | None, others: AbstractSet[str]) -> bool:
    """Whether a page of that origin may talk to the server that was asked for as ``host``.

    Compared are host and port alone: behind a proxy that ends TLS, we do not know the scheme.
    """
    if origin is None:
        return True
    place = _place(origin)
    return place is not None and (place == _place(f"//{host}", origin) or normalized(origin) in others)


def normalized(origin: str) -> str | None:
    """Return an origin as browsers write it; None where it is none (RFC 6454, 6.1)."""
    place = _place(origin)
    if place is None:
        return None
    scheme, (host, port) = urlsplit(origin).scheme.lower(), place
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + ("" if port == _PORTS[scheme] else f":{port}")


def _place(url: str, origin: str | None = None) -> tuple[str, int] | None:
    """Host and port; where there is no port, the usual one of the origin's scheme."""
    try:
        parts, scheme = urlsplit(url), urlsplit(origin or url).scheme.lower()
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or scheme not in _PORTS or (origin is None and (parts.path or parts.query or parts.fragment)):
        return None
    return parts.hostname.lower(), _PORTS[scheme] if port is None else port
