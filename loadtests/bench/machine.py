"""What machine this is: enough to compare, nothing that names it."""

import os
import platform
import re
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import psutil

_PACKAGES: Final = ("tensorflow", "granian", "grpcio", "litestar", "numpy", "imagecodecs", "uvloop")


def describe() -> dict[str, Any]:
    """Return processor, cores, memory, system, versions and date."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "versions": {"Python": platform.python_version(), **_versions()},
    }


def file_name(machine: dict[str, Any]) -> str:
    """Return `<date>-<machine>`, the machine by its processor and cores."""
    words = re.sub(r"\((r|tm)\)|cpu|processor|@.*", "", str(machine["cpu"]).lower())
    return f"{machine['date']}-{re.sub('[^a-z0-9]+', '-', words).strip('-')}-{machine['cores']}"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
