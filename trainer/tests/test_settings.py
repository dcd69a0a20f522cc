"""From options, a file and `key=value` pairs to a configuration."""

from pathlib import Path

import pytest

from trainer.config import TrainingConfig
from trainer.errors import ConfigError
from trainer.settings import read_config


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file."""
    path = tmp_path / "train.toml"
    path.write_text('data = "from the file"\nepochs = 7\nseed = 7\n[augmentation]\nrotation = 7\nzoom = 0.7\n')
    return path


def test_pairs_win_over_options_and_those_over_the_file(file: Path) -> None:
    """
    Each later source wins where it speaks, and is silent elsewhere.
    """
    config = read_config(file, {"epochs": 8, "seed": 8, "batch_size": None}, ["seed=9", "augmentation.zoom=0.9"])

    assert (config.data, config.epochs, config.seed) == ("from the file", 8, 9)
    assert (config.augmentation.rotation, config.augmentation.zoom, config.augmentation.shift) == (7, 0.9, 0.06)
    assert config.batch_size == TrainingConfig(data="").batch_size


def test_the_file_wins_over_the_base(file: Path) -> None:
    """
    A base, such as an earlier run's configuration, holds where nothing else is said.
    """
    base = read_config(None, {"data": "base"}, ["epochs=3", "patience=3", "augmentation.shift=0.3"])
    config = read_config(file, {}, [], base)

    assert (config.data, config.epochs, config.patience) == ("from the file", 7, 3)
    assert (config.augmentation.shift, config.augmentation.zoom) == (0.3, 0.7)


def test_texts_need_no_quotes_and_lists_are_toml() -> None:
    """
    What a shell hands over is understood as an operator means it.
    """
    config = read_config(None, {}, ["data=/a b/c", 'devices=["CPU:0", "CPU:1"]', "class_weights=false"])

    assert (config.data, config.devices, config.class_weights) == ("/a b/c", ("CPU:0", "CPU:1"), False)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("epochs=0", "epochs=0 is refused: expected `int` >= 1"),
        ("learning_rate=-1", "learning_rate=-1 is refused: expected `float` > 0"),
        ("learning_rate=inf", "learning_rate=inf is refused: it must be finite"),
        ("augmentation.zoom=nan", "augmentation.zoom=nan is refused: it must be finite"),
        ("batch_size=x", "batch_size=x is refused: expected `int`, got `str`"),
        ("image_size=8", "image_size=8 is refused: expected `int` >= 32"),
        ("seed=4294967296", "seed=4294967296 is refused: expected `int` <= 4294967295"),
        ("augmentation.shift=2", "augmentation.shift=2 is refused: expected `float` <= 1"),
        ("augmentation.flip=diagonal", "'diagonal', there are none, horizontal, vertical, both; give another"),
        ("architecture=vgg", "'vgg', there are compact, reference, transfer, transfer-efficientnet; give another"),
        ("devices=GPU:0", "devices=GPU:0 is refused: expected `array`, got `str`"),
        ("augmentation=5", "augmentation=5 is refused: expected `object`, got `int`"),
        ("epochs.x=5", "epochs={'x': 5} is refused: expected `int`, got `object`"),
        ("epoch=5", "--set epoch=5: there is no epoch; there are data, additions, architecture"),
        ("augmentation.flop=5", "there is no augmentation.flop; there are augmentation.flip, augmentation.rotation"),
        ("epochs", "--set epochs has no key and value; write --set key=value"),
        ("=5", "--set =5 has no key and value"),
    ],
)
def test_what_is_refused_is_named_with_its_value_and_its_limit(pair: str, message: str) -> None:
    """
    Nobody has to look up which values there are.
    """
    with pytest.raises(ConfigError) as refused:
        read_config(None, {"data": "somewhere"}, [pair])

    assert message in str(refused.value)


def test_a_key_under_a_value_is_refused() -> None:
    """
    A table that was made a number before has no keys any more.
    """
    with pytest.raises(ConfigError, match=r"augmentation=5 is refused: it holds keys, such as augmentation\.flip"):
        read_config(None, {"data": "somewhere"}, ["augmentation=5", "augmentation.flip=none"])


def test_without_data_the_option_is_named() -> None:
    """
    The one thing without a default.
    """
    with pytest.raises(ConfigError, match="no data set is named; give its folder with --data"):
        read_config(None, {}, [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"epochs = ", "train.toml is not TOML: "),
        (b"\xff", "train.toml cannot be read: "),
        (b"epoch = 5", "train.toml: there is no epoch; there are data"),
        (b"epochs = 0", "epochs=0 is refused: expected `int` >= 1"),
        (None, "train.toml cannot be read: No such file or directory; name a TOML file with --config"),
    ],
    ids=["not TOML", "not text", "unknown key", "refused value", "missing"],
)
def test_a_file_that_is_refused_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    """
    The file's name, and what is wrong in it.
    """
    if content is not None:
        (tmp_path / "train.toml").write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        read_config(tmp_path / "train.toml", {"data": "somewhere"}, [])

    assert message in str(refused.value)
