"""Where something of ours listens: a port of this machine alone, or an address and a port."""

from __future__ import annotations

import re

from loadgen.errors import InputError

# Nobody else on the network is shown anything, unless asked for.
THIS_MACHINE = "127.0.0.1"

MOST_PORT = 65_535
# Written instead of an endpoint: where it always is, or where there is room.
AUTO = "auto"

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


def is_meant_as_endpoint(written: str) -> bool:
    """Whether a word on a command line, after a flag whose value may be left out, is one, be it a wrong one."""
    return written == AUTO or written.isdecimal() or (":" in written and "/" not in written)


def refuse_page(endpoint: int | str | None, command: str) -> None:
    """InputError where a live page is asked for (``run.web``) of a command that carries out many runs."""
    if endpoint is not None:
        raise InputError(f"--web: expected a single run for a page to follow (chatbench run), got {command}")
