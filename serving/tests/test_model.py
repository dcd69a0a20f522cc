"""A SavedModel in this process answers as TensorFlow would, by the names of its inputs and outputs."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from serving.errors import ServingError
from serving.model import SavedModel, load
from serving.tests.official import Untyped


def publish(path: Path, *, with_table: bool) -> Path:
    """Publish a model with a variable whose names do not come in the order of the alphabet."""
    module = tf.Module()
    module.factor = tf.Variable(10, dtype=tf.int64)
    words = tf.lookup.KeyValueTensorInitializer(tf.constant([1], tf.int64), tf.constant(["one"]))
    module.table = tf.lookup.StaticHashTable(words, "many") if with_table else None

    def answer(zeta: Untyped, alpha: Untyped) -> dict[str, Untyped]:
        word = module.table.lookup(zeta) if with_table else tf.where(zeta == 1, "one", "many")
        return {"word": word, "scaled": zeta * module.factor, "difference": alpha - zeta}

    spec = tf.TensorSpec((None,), tf.int64)
    tf.saved_model.save(module, str(path), signatures={"serving_default": tf.function(answer, [spec, spec])})
    return path


@pytest.fixture(scope="module", params=[False, True], ids=["variables alone", "a lookup table too"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    path = publish(tmp_path_factory.mktemp("published") / "1", with_table=request.param)
    return load(path, warm_up=True)


def test_inputs_and_outputs_go_by_their_names(model: SavedModel) -> None:
    outputs = model.run("serving_default", {"zeta": np.array([1, 3]), "alpha": np.array([5, 5])})

    assert {alias: values.tolist() for alias, values in outputs.items()} == {
        "word": [b"one", b"many"],
        "scaled": [10, 30],
        "difference": [4, 2],
    }


def test_what_tensorflow_refuses_has_its_code(model: SavedModel) -> None:
    with pytest.raises(ServingError, match="Incompatible shapes") as caught:
        model.run("serving_default", {"zeta": np.zeros(2, np.int64), "alpha": np.zeros(3, np.int64)})

    assert caught.value.code.name == "INVALID_ARGUMENT"


def test_what_is_no_saved_model_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match=r"saved_model\.pb"):
        load(tmp_path, warm_up=True)
