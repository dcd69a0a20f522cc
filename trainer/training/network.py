"""The network of a training, with the weights that it starts from, on the devices that were asked for."""

import keras
import tensorflow as tf

from trainer.config import TrainingConfig
from trainer.errors import ConfigError
from trainer.networks.registry import plan
from trainer.networks.transfer import bring_weights
from trainer.training.devices import strategy
from trainer.training.material import Material
from trainer.untyped import KerasModel, Strategy


def start_network(config: TrainingConfig, material: Material, *, fresh: bool) -> tuple[Strategy, KerasModel]:
    """Return the devices as one, and the network on them.

    Args:
        config: what is to be trained.
        material: what it is trained on.
        fresh: whether training begins; one that goes on gets its weights from the checkpoint.

    Raises:
        ConfigError: a device is missing, or weights that were asked for cannot be had.
    """
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(config.seed)
    chosen = strategy(config.devices, config.batch_size)
    with chosen.scope():
        return chosen, _build(config, material, fresh=fresh)


def plain_copy(model: KerasModel, config: TrainingConfig, material: Material) -> KerasModel:
    """Return a network with the same weights that knows nothing of its training: no optimiser, no devices."""
    copy = plan(config.architecture).build(material.spec.shape, len(material.labels))
    copy.set_weights(model.get_weights())
    return copy


def _build(config: TrainingConfig, material: Material, *, fresh: bool) -> KerasModel:
    model = plan(config.architecture).build(material.spec.shape, len(material.labels))
    if fresh and config.weights != "none":
        bring_weights(model, config.weights)
    if fresh and config.initial is not None:
        _copy_weights(model, config.initial)
    return model


def _copy_weights(model: KerasModel, file: str) -> None:
    try:
        model.set_weights(keras.models.load_model(file, compile=False).get_weights())
    except (OSError, ValueError) as error:
        raise ConfigError(f"initial={file} gives no weights for {model.name}: {error}") from error
