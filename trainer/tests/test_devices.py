"""Several local devices that train as one."""

import json
from pathlib import Path

import pytest

from trainer.data.phantoms import write_phantoms
from trainer.errors import ConfigError
from trainer.tests.conftest import SIZE, trainer
from trainer.training.devices import strategy

TWO = ("--device", "CPU:0", "--device", "CPU:1")


def test_two_devices_train_where_images_are_left_over(tmp_path: Path) -> None:
    """
    17 images in steps of 4 and 5 to validate on: the one that two devices cannot share costs nothing.
    """
    data, run = tmp_path / "data", tmp_path / "run"
    write_phantoms(data, 4, 0)
    for split in ("train", "valid"):
        folder = data / split / "normal"
        (folder / "more.png").write_bytes(next(folder.iterdir()).read_bytes())
    options = ("--image-size", str(SIZE), "--batch-size", "4", "--epochs", "2", "--progress", "json")
    done = trainer("train", "--data", data, *TWO, *options, "--run", run)
    events = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == 0, done.stderr
    assert events[0]["train"] == 17
    assert [event["loss"] < 5 for event in events if event["event"] == "epoch"] == [True, True]
    assert json.loads((run / "config.json").read_text())["devices"] == ["CPU:0", "CPU:1"]


@pytest.mark.parametrize(
    ("names", "batch_size", "message"),
    [
        (["GPU:7"], 16, r"devices=GPU:7 does not exist; there are CPU:0"),
        (["CPU:0", "gpu"], 16, r"devices=gpu does not exist; there are CPU:0"),
        (["CPU:0"] * 3, 2, "batch_size=2 is too small for 3 devices; each needs an image"),
        (["CPU:0"] * 3, 16, "batch_size=16 is no multiple of 3 devices; they share it equally"),
        (["CPU:0"] * 2, 16, "devices=CPU:0,CPU:0 names one twice"),
    ],
)
def test_devices_that_cannot_be_used_are_named(names: list[str], batch_size: int, message: str) -> None:
    """
    Before anything is trained.
    """
    with pytest.raises(ConfigError, match=message):
        strategy(names, batch_size)
