"""Where training computes: one device of TensorFlow's choice, or several local ones as one."""

import re
from collections.abc import Sequence

import tensorflow as tf

from trainer.errors import ConfigError
from trainer.untyped import Strategy

_MANY = 2


def strategy(names: Sequence[str], batch_size: int) -> Strategy:
    """Return the strategy for the named devices: TensorFlow's default for none or one, else MirroredStrategy.

    Each step's batch is split among the devices, and their gradients are summed. `CPU:1` and higher, which a machine
    does not have by itself, are made: that is for trying it out.

    Args:
        names: such as `GPU:0`, `GPU:1`.
        batch_size: images in a step; each device needs one.

    Raises:
        ConfigError: a device does not exist, or the images of a step cannot be shared equally.
    """
    _make_cpus(names)
    existing = {device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()}
    for name in names:
        if name not in existing:
            raise ConfigError(f"devices={name} does not exist; there are {', '.join(sorted(existing))}")
    if len(names) > batch_size:
        raise ConfigError(f"batch_size={batch_size} is too small for {len(names)} devices; each needs an image")
    if names and batch_size % len(names):
        raise ConfigError(f"batch_size={batch_size} is no multiple of {len(names)} devices; they share it equally")
    if len(set(names)) < len(names):
        raise ConfigError(f"devices={','.join(names)} names one twice; name each once")
    if len(names) < _MANY:
        return tf.distribute.OneDeviceStrategy(names[0]) if names else tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(list(names))


def _make_cpus(names: Sequence[str]) -> None:
    """Split the processor into as many logical devices as are named, while TensorFlow has not looked at it yet."""
    wanted = 1 + max((int(match[1]) for name in names if (match := re.fullmatch(r"CPU:([0-9]+)", name))), default=0)
    if wanted < _MANY:
        return
    (processor,) = tf.config.list_physical_devices("CPU")
    try:
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * wanted)
    except RuntimeError:
        return  # too late; whether they exist is seen by the caller
