"""What a training run is asked to do; it is written into the run and into the version's manifest."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Architecture = Literal["compact", "reference", "transfer", "transfer-efficientnet"]
Flip = Literal["none", "horizontal", "vertical", "both"]
Schedule = Literal["cosine", "constant"]

Share = Annotated[float, Meta(ge=0, le=1)]

MAX_PIXELS = 16_777_216
"""Pixels, width x height: images of a data set above it are skipped, as the gateway refuses them by default."""


class Augmentation(msgspec.Struct, frozen=True, kw_only=True):
    """How far training images are changed at random; 0 leaves a thing as it is."""

    flip: Flip = "horizontal"
    rotation: Annotated[float, Meta(ge=0, le=180)] = 0.0
    """At most so many degrees to either side."""
    shift: Share = 0.06
    """At most this share of the height and of the width."""
    zoom: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """At most this share larger or smaller."""
    brightness: Share = 0.0
    """At most this share of the range of grey levels is added or taken away."""
    contrast: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Distances from the mean grey level grow or shrink by at most this share."""
    erasing: Share = 0.0
    """The probability that a rectangle is painted over, 2 to 33 % of the image (Zhong et al. 2017)."""


class TrainingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One run. With the same configuration, data and machine, the same weights come out."""

    data: str
    """The data set's folder, as it was given."""
    additions: tuple[str, ...] = ()
    """Folders of further images to train on, each `<folder>/<class>/<image>`."""
    architecture: Architecture = "compact"
    image_size: Annotated[int, Meta(ge=32, le=1024)] | None = None
    """Height and width in pixels; None is what the architecture likes."""
    weights: str = "none"
    """Where a transfer network's backbone starts: `none`, `imagenet`, or a file of keras.applications' weights."""
    initial: str | None = None
    """A Keras model of the same architecture whose weights training starts from."""
    epochs: Annotated[int, Meta(ge=1)] = 60
    """At most; early stopping ends sooner."""
    head_epochs: Annotated[int, Meta(ge=0)] = 5
    """The first epochs, in which a backbone that brings weights is left as it is."""
    patience: Annotated[int, Meta(ge=1)] = 12
    """Epochs without a better validation loss until training stops; the best weights are kept."""
    batch_size: Annotated[int, Meta(ge=1)] = 16
    """Images in a step, over all devices."""
    learning_rate: Annotated[float, Meta(gt=0)] = 2e-3
    """Adam's step size."""
    fine_tuning_rate: Annotated[float, Meta(gt=0)] = 1e-4
    """Adam's step size after `head_epochs`, for a backbone that brings weights."""
    schedule: Schedule = "cosine"
    """`cosine`: the step size falls to nothing along half a cosine over the epochs; `constant`: it stays."""
    weight_decay: Annotated[float, Meta(ge=0)] = 0.0
    """Decoupled, of every step (Loshchilov and Hutter 2019)."""
    label_smoothing: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Share of a target that is spread over all classes (Szegedy et al. 2016)."""
    class_weights: bool = True
    """Weigh each image by N / (K x images of its class), so that all classes count alike."""
    abstain: Share = 0.05
    """At most this share of the validation images gets an answer under the version's abstention threshold."""
    augmentation: Augmentation = Augmentation()
    cache: str | None = None
    """A folder where decoded images are kept and read from the disk; None keeps them in memory."""
    devices: tuple[str, ...] = ()
    """`GPU:0`, `GPU:1`...: two or more train as one (MirroredStrategy); none leaves the choice to TensorFlow."""
    seed: Annotated[int, Meta(ge=0, le=4_294_967_295)] = 0
