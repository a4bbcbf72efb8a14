"""Where something of ours listens: a port of this machine alone, or an address and a port."""

from __future__ import annotations

import re

# Nobody else on the network is shown anything, unless asked for.
THIS_MACHINE = "127.0.0.1"

MOST_PORT = 65_535

_ENDPOINT = re.compile(r"(?:(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):)?(?P<port>[0-9]{1,5})")


def endpoint_of(written: int | str) -> tuple[str, int]:
    """Host and port of 9464, "9464", "0.0.0.0:9464" or "[::1]:9464"; ValueError for anything else.

    Port 0 stands for any that is free.
    """
    found = _ENDPOINT.fullmatch(str(written).strip())
    if found is None or int(found["port"]) > MOST_PORT:
        raise ValueError("neither a port nor an address and a port")
    return (found["host"] or THIS_MACHINE).strip("[]"), int(found["port"])


def endpoint_text(host: str, port: int) -> str:
    """The two as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
