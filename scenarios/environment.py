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
from scenarios.doctor.facts import Requirement

_PACKAGES = ("chatbench", "picows", "uvloop", "numpy", "aiohttp", "fastapi", "uvicorn", "websockets")


def describe_environment() -> dict[str, Any]:
    """The document's ``environment``; what cannot be found out is None."""
    return {
        "host": platform.node(),
        "cpu": _cpu_model(),
        "cores": core_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := installed_version(name)) is not None},
        "git_commit": _git_commit(),
        "limits": {
            "open_files": raise_open_files_limit(),
            "ephemeral_ports": ephemeral_port_count(),
            "somaxconn": kernel_setting("net.core.somaxconn"),
        },
    }


def core_count() -> int | None:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def ephemeral_port_count() -> int | None:
    """How many connections may leave from one address for one place."""
    ports = ephemeral_ports()
    return None if ports is None else ports[1] - ports[0] + 1


def ephemeral_ports() -> tuple[int, int] | None:
    """The first and the last of the ports that connections leave from."""
    text = _read("/proc/sys/net/ipv4/ip_local_port_range")
    if not text:
        return None
    low, high = map(int, text.split())
    return low, high


def kernel_setting(name: str) -> int | None:
    """A number as ``sysctl`` calls it; None where this kernel has none, or does not show it."""
    text = _read("/proc/sys/" + name.replace(".", "/"))
    return int(text) if text else None


def cpu_quota_cores() -> float | None:
    """How many cores a container grants in time (cgroup v2, then v1); None where it grants all."""
    quota, _, period = (_read("/sys/fs/cgroup/cpu.max") or "").strip().partition(" ")
    if not quota:
        quota = (_read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") or "").strip()
        period = (_read("/sys/fs/cgroup/cpu/cpu.cfs_period_us") or "").strip()
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() else None


def clock_sources() -> tuple[str | None, tuple[str, ...]]:
    """What the kernel counts time with, and all that it could."""
    folder = "/sys/devices/system/clocksource/clocksource0"
    current = (_read(f"{folder}/current_clocksource") or "").strip() or None
    return current, tuple((_read(f"{folder}/available_clocksource") or "").split())


def python_wanted() -> tuple[str | None, bool]:
    """The versions of Python that chatbench asks for, None for any, and whether this is one."""
    from packaging.specifiers import SpecifierSet  # here, since it takes 20 ms that a run need not pay

    with contextlib.suppress(metadata.PackageNotFoundError):
        wanted = metadata.metadata("chatbench")["Requires-Python"]
        if wanted:
            return wanted, SpecifierSet(wanted).contains(platform.python_version(), prereleases=True)
    return None, True


def requirements() -> tuple[Requirement, ...]:
    """The libraries that chatbench asks for here; none where it is not installed as a package."""
    from packaging import requirements as asked

    found = []
    with contextlib.suppress(metadata.PackageNotFoundError):
        for line in metadata.requires("chatbench") or ():
            wanted = asked.Requirement(line)
            # Those of an extra are not asked for without it.
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                version = installed_version(wanted.name)
                is_met = version is not None and wanted.specifier.contains(version, prereleases=True)
                found.append(Requirement(wanted.name, str(wanted.specifier), version, is_met))
    return tuple(found)


def installed_version(name: str) -> str | None:
    """The version of a library; None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _read(path: str) -> str | None:
    with contextlib.suppress(OSError):
        return Path(path).read_text(encoding="utf-8", errors="replace")
    return None


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
