"""On what a run was made: the machine without its name, and all versions."""

from __future__ import annotations

import datetime
import hashlib
import os
import platform
from importlib import metadata
from typing import Any

import locations

PACKAGES = (
    "numpy", "scipy", "scikit-learn", "isotree", "coniferest", "tl2cgen", "treelite", "pandas", "pyarrow",
)  # fmt: skip


def about(command: str) -> dict[str, Any]:
    """What stands at the head of the report."""
    import pynomaly

    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "command": command,
        "processor": f"{processor()}, {len(os.sched_getaffinity(0))} processors to use",
        "memory": memory(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "pynomaly": f"{pynomaly.library_version()}, kernels {pynomaly.kernels_name()},"
        f" library sha256 {library_hash()}",
        "versions": {"Python": platform.python_version()} | dict(map(version, PACKAGES)),
    }


def version(package: str) -> tuple[str, str]:
    try:
        return package, metadata.version(package)
    except metadata.PackageNotFoundError:
        return package, "missing"


def processor() -> str:
    """The model as the kernel names it."""
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model", "cpu model"):
                return value.strip()
    return platform.machine()


def memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"


def load() -> str:
    """How many processes wanted to run in the last minute: above the processors in use, wait."""
    return f"{os.getloadavg()[0]:.1f}"


def library_hash() -> str:
    """Which build it was."""
    path = locations.library()
    if path is None or not path.exists():  # a file that was replaced is listed as deleted
        return "unknown"
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
