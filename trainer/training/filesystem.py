"""TensorFlow's file system, whose errors are no OSError."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf


@contextmanager
def system_errors() -> Iterator[None]:
    """Raise the OSError for a full disk where TensorFlow, whose file system has errors of its own, met one."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        reason = os.strerror(errno.ENOSPC)
        if reason not in error.message:
            raise  # memory, for example
        raise OSError(errno.ENOSPC, reason) from error
