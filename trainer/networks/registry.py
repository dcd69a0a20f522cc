"""The networks. Each takes uint8 images as they are decoded, and rescales them inside."""

from collections.abc import Callable
from typing import NamedTuple

from gateway.imaging import ImageSpec, Mode
from trainer.config import Architecture
from trainer.networks.compact import compact
from trainer.networks.reference import reference
from trainer.networks.transfer import efficientnet, mobilenet
from trainer.untyped import KerasModel


class Plan(NamedTuple):
    """How an architecture is built, and the images it likes."""

    build: Callable[[tuple[int, int, int], int], KerasModel]
    mode: Mode
    size: int
    """Height and width in pixels, unless the operator says else."""


def plan(architecture: Architecture) -> Plan:
    """Return the plan of an architecture: the one list of them."""
    plans: dict[Architecture, Plan] = {
        "compact": Plan(compact, "L", 128),
        "reference": Plan(reference, "RGB", 224),
        "transfer": Plan(mobilenet, "RGB", 224),
        "transfer-efficientnet": Plan(efficientnet, "RGB", 224),
    }
    return plans[architecture]


def image_spec(architecture: Architecture, size: int | None) -> ImageSpec:
    """Return the array that an architecture takes, `size` x `size` pixels or as it likes them."""
    chosen = plan(architecture)
    side = size or chosen.size
    return ImageSpec(mode=chosen.mode, height=side, width=side, resample="bilinear")
