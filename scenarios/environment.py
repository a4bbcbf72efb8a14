"""Where a run took place: machine, versions, limits."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from loadgen.engine.limits import raise_open_files_limit

_PACKAGES = ("chatbench", "picows", "uvloop", "numpy", "aiohttp", "fastapi", "uvicorn", "websockets")


def describe_environment() -> dict[str, Any]:
    """The document's ``environment``; what cannot be found out is None."""
    return {
        "host": platform.node(),
        "cpu": _cpu_model(),
        "cores": core_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
        "git_commit": _git_commit(),
        "limits": {
            "open_files": raise_open_files_limit(),
            "ephemeral_ports": ephemeral_port_count(),
            "somaxconn": _number("/proc/sys/net/core/somaxconn"),
        },
    }


def core_count() -> int | None:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def ephemeral_port_count() -> int | None:
    """How many connections may leave from one address for one place."""
    text = _read("/proc/sys/net/ipv4/ip_local_port_range")
    if not text:
        return None
    low, high = map(int, text.split())
    return high - low + 1


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _read(path: str) -> str | None:
    with contextlib.suppress(OSError):
        return Path(path).read_text(encoding="utf-8", errors="replace")
    return None


def _number(path: str) -> int | None:
    text = _read(path)
    return int(text) if text else None


def _cpu_model() -> str | None:
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or None


def _git_commit() -> str | None:
    """The commit of the directory the run was started from: where a team's own scenarios live."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout.strip()
    return None
