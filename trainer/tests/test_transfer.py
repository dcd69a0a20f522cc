"""Networks of keras.applications, with weights that they bring."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import applications, layers
from numpy.typing import NDArray

from trainer.errors import ConfigError
from trainer.networks.transfer import backbone_of
from trainer.tests.conftest import SIZE
from trainer.tests.trainings import Killed, figures, ignore, killed_after, trained_on
from trainer.training.train import Trained, resume
from trainer.untyped import KerasLayer, KerasModel

EPOCHS, HEAD = 4, 2


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as keras.applications would download it; random, as there is no network in tests."""
    keras.utils.set_random_seed(1)
    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    shape = (SIZE, SIZE, 3)
    applications.MobileNetV3Large(include_top=False, weights=None, input_shape=shape).save_weights(path)
    return path


@pytest.fixture(scope="module")
def options(weights: Path) -> tuple[str, ...]:
    """Two epochs for the head, two to fine-tune."""
    return (
        "architecture=transfer", f"weights={weights}", f"epochs={EPOCHS}", f"head_epochs={HEAD}", "batch_size=16",
        "schedule=constant", "fine_tuning_rate=0.001",
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(phantoms: Path, options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A training of both phases in one go."""
    return trained_on(phantoms, tmp_path_factory.mktemp("transfer") / "run", *options)


def backbone(model: KerasModel) -> list[KerasLayer]:
    """Return the layers whose weights are brought."""
    return [layer for layer in backbone_of(model).layers if layer.weights]


def brought(weights: Path) -> list[list[NDArray[np.float32]]]:
    """Return what a file holds, layer by layer."""
    model = applications.MobileNetV3Large(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    model.load_weights(weights)
    return [layer.get_weights() for layer in model.layers if layer.weights]


def test_the_head_learns_first_and_leaves_the_backbone_as_it_came(
    phantoms: Path, options: tuple[str, ...], weights: Path, tmp_path: Path
) -> None:
    """
    Every weight of the file is in the model, bit by bit, after epochs of the head alone.
    """
    run = trained_on(phantoms, tmp_path / "run", *options, f"epochs={HEAD}").run

    for layer, expected in zip(backbone(run.model), brought(weights), strict=True):
        assert all(map(np.array_equal, layer.get_weights(), expected)), layer.name


def test_fine_tuning_keeps_the_statistics_of_batch_normalisation(
    phantoms: Path, options: tuple[str, ...], weights: Path, tmp_path: Path
) -> None:
    """
    Convolutions learn; normalisations, which a few images would spoil, do not.
    """
    run = trained_on(phantoms, tmp_path / "run", *options, "epochs=1", "head_epochs=0").run

    changed = [
        layer
        for layer, expected in zip(backbone(run.model), brought(weights), strict=True)
        if not all(map(np.array_equal, layer.get_weights(), expected))
    ]
    assert any(isinstance(layer, layers.Conv2D) for layer in changed)
    assert not [layer.name for layer in changed if isinstance(layer, layers.BatchNormalization)]


@pytest.mark.parametrize("epoch", [1, HEAD, HEAD + 1], ids=["in the head's phase", "at the boundary", "fine-tuning"])
def test_either_phase_goes_on(
    phantoms: Path, options: tuple[str, ...], whole: Trained, tmp_path: Path, epoch: int
) -> None:
    """
    A training killed in either phase, or exactly between them, ends as one in one go.
    """
    with pytest.raises(Killed):
        trained_on(phantoms, tmp_path / "run", *options, tell=killed_after(epoch))
    again = resume(tmp_path / "run", ignore)

    assert figures(again.run) == figures(whole.run)
    assert again.run.manifest.model_digest == whole.run.manifest.model_digest


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["architecture=transfer", "weights=imagenet"], "the weights imagenet cannot be loaded into transfer: "),
        (["architecture=transfer", "weights=none.h5"], "the weights none.h5 cannot be loaded into transfer: "),
        (["architecture=transfer-efficientnet", "weights={file}"], "cannot be loaded into transfer-efficientnet: "),
        (["weights=imagenet"], "weights=imagenet is refused: compact takes none; choose --arch transfer or transfer-"),
    ],
    ids=["no network", "no file", "another network's", "a network that takes none"],
)
def test_weights_that_cannot_be_had_leave_nothing_behind(
    phantoms: Path, weights: Path, tmp_path: Path, pairs: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The message says what to name instead, and the run's folder is free for the next try.
    """
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(ConfigError) as refused:
        trained_on(phantoms, tmp_path / "run", *(pair.format(file=weights) for pair in pairs))

    assert message in str(refused.value)
    assert not (tmp_path / "run").exists()
