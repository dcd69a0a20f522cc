"""The machine's processor, as Linux tells it: what a measurement must name, and whether it computes in bfloat16."""

import os
from pathlib import Path

import msgspec

_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})
"""Flags of the x86 processors for which oneDNN has bfloat16 instructions; on others it would emulate them, slowly."""


class Processor(msgspec.Struct, frozen=True, kw_only=True):
    """What decides how fast and in which precision a model is computed."""

    name: str
    cores: int
    """That this process may use."""
    flags: frozenset[str]

    @property
    def without_bfloat16(self) -> str | None:
        """Why it does not compute in bfloat16; None where it does."""
        if self.flags & _BFLOAT16:
            return None
        return f"the processor ({self.name}) has neither of {' and '.join(sorted(_BFLOAT16))}"


def read_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Processor:
    """Read about the first processor; its name is `unknown` where there is no such file (see proc(5))."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    pairs = (line.partition(":") for line in reversed(lines))  # reversed: the first processor's entries win
    entries = {key.strip(): value.strip() for key, _, value in pairs}
    return Processor(
        name=entries.get("model name", "unknown"),
        cores=len(os.sched_getaffinity(0)),
        flags=frozenset(entries.get("flags", "").split()),
    )
