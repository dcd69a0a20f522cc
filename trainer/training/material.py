"""What a training learns from: the splits of a data set as arrays."""

from dataclasses import dataclass
from pathlib import Path

from gateway.imaging import ImageSpec
from trainer.config import TrainingConfig
from trainer.data.additions import load_additions
from trainer.data.dataset import Split, digest, find_labels, joined, load_split


@dataclass(frozen=True)
class Material:
    """The images to train on and to validate with, and what they are."""

    labels: tuple[str, ...]
    spec: ImageSpec
    train: Split
    valid: Split
    digest: str


def read_material(config: TrainingConfig, spec: ImageSpec) -> Material:
    """Read the data set that a configuration names, and its additions.

    Args:
        config: what is to be trained.
        spec: the array that the network takes.

    Raises:
        DataError: the data set cannot be used.
    """
    root, cache = Path(config.data), Path(config.cache) if config.cache else None
    additions = tuple(map(Path, config.additions))
    labels = find_labels(root)
    train = load_split(root, "train", labels, spec, cache)
    valid = load_split(root, "valid", labels, spec, cache)
    if additions:
        measured = (*valid.paths, *(root / "test").glob("[!.]*/[!.]*"))
        train = joined([train, load_additions(additions, labels, spec, cache, measured)])
    return Material(labels, spec, train, valid, digest(root, additions))
