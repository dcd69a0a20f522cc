"""The state of an unfinished training, on disk after every epoch: `<folder>/<epochs done>/`, whole or not there.

It holds the weights and the optimiser's state, the best weights so far, and the history. A folder is written under
another name and renamed, so a process may be killed at any moment and lose one epoch at most.
"""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer.measures.epoch import Epoch
from trainer.untyped import KerasModel

_LAST, _OPTIMIZER, _BEST, _HISTORY = "last.npz", "optimizer.npz", "best.npz", "history.json"


def best_epoch(history: tuple[Epoch, ...]) -> Epoch:
    """Return the epoch with the lowest validation loss, the first of equals."""
    return min(history, key=lambda epoch: epoch.val_loss)


class Checkpoint:
    """A folder of at most one checkpoint; a second one stands there for the moment in which they change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, model: KerasModel, history: tuple[Epoch, ...]) -> None:
        """Keep the state after the last epoch of `history`.

        Raises:
            OSError: it cannot be written; the checkpoint of the epoch before is still there.
        """
        partial = self._folder / f".{len(history)}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write(partial / _LAST, model.get_weights())
        _write(partial / _OPTIMIZER, (np.asarray(variable) for variable in model.optimizer.variables))
        best = partial if best_epoch(history) is history[-1] else self._newest()
        shutil.copyfile(best / (_LAST if best is partial else _BEST), partial / _BEST)
        (partial / _HISTORY).write_bytes(msgspec.json.encode(history))
        earlier = self._all()
        partial.rename(self._folder / str(len(history)))
        for folder in earlier:
            shutil.rmtree(folder)

    def history(self) -> tuple[Epoch, ...]:
        """Return the epochs that are done; none where there is no checkpoint."""
        if not self._all():
            return ()
        return msgspec.json.decode((self._newest() / _HISTORY).read_bytes(), type=tuple[Epoch, ...])

    def restore(self, model: KerasModel) -> None:
        """Bring a compiled model and its optimiser to the state after the last epoch."""
        model.set_weights(_read(self._newest() / _LAST))
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip(model.optimizer.variables, _read(self._newest() / _OPTIMIZER), strict=True):
            variable.assign(value)

    def restore_best(self, model: KerasModel) -> None:
        """Give a model the weights of the best epoch."""
        model.set_weights(_read(self._newest() / _BEST))

    def remove(self) -> None:
        """Remove all of it; the training is finished."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _newest(self) -> Path:
        return max(self._all(), key=lambda folder: int(folder.name))

    def _all(self) -> list[Path]:
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return [path for path in found if re.fullmatch(r"[0-9]+", path.name)]


def _write(path: Path, arrays: Iterable[NDArray[np.generic]]) -> None:
    np.savez(path, *arrays)


def _read(path: Path) -> list[NDArray[np.generic]]:
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays.files]
