"""What the parity gate found, in words for whoever decides how a version is served."""

from trainer.measures.deviation import Parity


def parity_lines(parity: Parity) -> list[str]:
    """Say how far the version is from the model, and whether it may be served in bfloat16."""
    exact, rough = parity.float32, parity.bfloat16
    first = (
        f"float32: it answers {parity.images} images as the model does; probabilities differ by up to "
        f"{exact.difference:.2g}, the limit is {exact.bound:g}"
    )
    if not rough.passed:
        return [first, f"bfloat16: it must not be served so; {rough.reason}"]
    second = (
        "bfloat16: it may be served so; probabilities differ from those in float32 by up to "
        f"{rough.difference:.2g}, the limit is {rough.bound:g}"
    )
    return [first, second]
