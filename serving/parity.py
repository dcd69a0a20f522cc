"""Whether a version may be computed in bfloat16: what the trainer found when it wrote the version.

`assets.extra/parity.json` holds it (`trainer/store/parity.py`). A version that was not asked in bfloat16, or whose
answers were too far from those in float32, is as good as ever in float32, and must not be computed otherwise.
"""

from pathlib import Path

import msgspec

PARITY = Path("assets.extra/parity.json")
"""Where a version keeps it."""


class _Deviation(msgspec.Struct, frozen=True):
    passed: bool
    reason: str | None = None


class _Parity(msgspec.Struct, frozen=True):
    bfloat16: _Deviation


def allows_bfloat16(parity: bytes | None) -> str | None:
    """Return None where a version may be computed in bfloat16, else why it may not, as half a sentence.

    Args:
        parity: the content of the version's `parity.json`; None where it has none.
    """
    if parity is None:
        return f"it has no {PARITY}, so nobody knows how it answers in bfloat16"
    try:
        found = msgspec.json.decode(parity, type=_Parity).bfloat16
    except (msgspec.MsgspecError, UnicodeError) as error:
        return f"its {PARITY} cannot be read: {error}"
    if found.passed:
        return None
    return f"it did not pass in bfloat16: {found.reason or 'no reason is given'}"
