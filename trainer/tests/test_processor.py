"""What Linux tells about the processor."""

from pathlib import Path

import pytest

from trainer.processor import read_processor

TEXT = """processor\t: 0
model name\t: A Fast One @ 3.00GHz
flags\t\t: fpu {flags} avx2
bugs\t\t: none

processor\t: 1
model name\t: Another
flags\t\t: fpu
"""


@pytest.mark.parametrize(
    ("flags", "has"), [("avx512_bf16", True), ("amx_tile amx_bf16", True), ("avx512f avx512_vnni", False)]
)
def test_bfloat16_is_read_from_the_flags(tmp_path: Path, flags: str, has: bool) -> None:  # noqa: FBT001
    """
    The gate asks in bfloat16 where there are instructions for it, and nowhere else.
    """
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(TEXT.format(flags=flags))
    processor = read_processor(cpuinfo)

    assert processor.name == "A Fast One @ 3.00GHz"
    assert (processor.without_bfloat16 is None) == has


def test_without_cpuinfo_the_processor_is_unknown(tmp_path: Path) -> None:
    """
    On another system than Linux nothing is claimed, and nothing fails.
    """
    processor = read_processor(tmp_path / "missing")

    assert processor.name == "unknown"
    assert processor.cores >= 1
    assert processor.without_bfloat16 == "the processor (unknown) has neither of amx_bf16 and avx512_bf16"
