"""How far a version's answers are from the model's, as the parity gate found it."""

import msgspec


class Deviation(msgspec.Struct, frozen=True, kw_only=True):
    """How far a version's probabilities are from what they should be."""

    passed: bool
    """Whether the version may be served so."""
    difference: float | None
    """The largest of all, rounded to 3 digits; None where it was not measured, or is not a number."""
    bound: float
    """The largest that passes."""
    reason: str | None = None
    """Why it did not pass."""


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate found; `assets.extra/parity.json`."""

    images: int
    """Validation images that were asked about."""
    processor: str
    """The name of the one that computed it: another may round otherwise in bfloat16."""
    float32: Deviation
    bfloat16: Deviation
