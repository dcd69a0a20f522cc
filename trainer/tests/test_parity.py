"""The parity gate: heat maps, and answers in bfloat16."""

from dataclasses import replace
from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest
import tensorflow as tf

from trainer.errors import ParityError
from trainer.processor import Processor, read_processor
from trainer.reporting.parity_lines import parity_lines
from trainer.store.export import export, frozen_functions, write_saved_model
from trainer.store.parity import (
    BFLOAT16_TOLERANCE,
    TOLERANCE,
    ask_bfloat16,
    check_explanations,
    compare_heatmaps,
    judge_bfloat16,
    read_parity,
)
from trainer.store.saved_model import explain_version, load_version, predict_version
from trainer.store.session import ServingSession
from trainer.training.runs import Run
from trainer.untyped import KerasModel, SavedModel

OLD = Processor(name="An Old One", cores=2, flags=frozenset({"avx2", "avx512f"}))
needs_bfloat16 = pytest.mark.skipif(
    read_processor().without_bfloat16 is not None, reason=str(read_processor().without_bfloat16)
)


@pytest.fixture(scope="module")
def version(trained: tuple[Path, Path]) -> Path:
    return trained[1] / "1"


@pytest.fixture(scope="module")
def loaded(version: Path) -> SavedModel:
    return load_version(version)


def test_explain_answers_as_serving_default_does(loaded: SavedModel, run: Run) -> None:
    """
    Who asks for a heat map gets the same probabilities as who does not, temperature included, and heat from 0 to 1.
    """
    heatmaps, probabilities = explain_version(loaded, run.sample)

    assert np.allclose(probabilities, predict_version(loaded, run.sample), atol=1e-6)
    assert heatmaps.shape == run.sample.shape[:3]
    assert set(heatmaps.max(axis=(1, 2)).tolist()) <= {0.0, 1.0}
    assert heatmaps.min() >= 0
    assert heatmaps.max() == 1


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        pytest.param("heatmaps", "explain shows other heat maps than the model, by up to 1", id="other heat maps"),
        pytest.param("probabilities", "explain answers with other probabilities than", id="other probabilities"),
    ],
)
def test_a_version_that_explains_wrongly_is_refused(run: Run, tmp_path: Path, wrong: str, reason: str) -> None:
    """
    Heat maps of other places, or for other answers than those that are served, are not published.
    """
    functions = frozen_functions(run)
    right = functions["explain"]
    functions["explain"] = lambda images: {**right(images), wrong: 1 - right(images)[wrong]}
    write_saved_model(tmp_path, functions, run.manifest)
    written = load_version(tmp_path)

    with pytest.raises(ParityError, match=reason):
        check_explanations(written, run, predict_version(written, run.sample))


def test_a_version_that_cannot_explain_is_refused(run: Run, tmp_path: Path) -> None:
    """
    A client that asks for heat maps must not find out that a new version has none.
    """
    functions = frozen_functions(run)
    write_saved_model(tmp_path, {"serving_default": functions["serving_default"]}, run.manifest)

    with pytest.raises(ParityError, match="the version has no signature explain"):
        check_explanations(load_version(tmp_path), run, np.zeros((4, 4), np.float32))


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        pytest.param([[[0.0, 0.98]]], "by up to 0.02; the limit is 0.01", id="a value is off"),
        pytest.param([[[0.0, 1.005]]], "heat from 0 to 1, not in 0 to 1", id="too hot"),
        pytest.param([[[0.0, float("nan")]]], "heat from nan to nan", id="not a number"),
        pytest.param([[[0.0], [1.0]]], r"shape \(1, 2, 1\), the model with \(1, 1, 2\)", id="turned"),
    ],
)
def test_the_gate_refuses_heat_maps(written: list[list[list[float]]], reason: str) -> None:
    """
    The gate wants the same maps up to a hundredth, from 0 to 1.
    """
    expected = np.array([[[0.0, 1.0]]], np.float32)

    compare_heatmaps(np.array([[[0.009, 0.991]]], np.float32), expected)
    with pytest.raises(ParityError, match=reason):
        compare_heatmaps(np.array(written, np.float32), expected)


def test_the_gate_writes_down_what_it_found(version: Path, run: Run) -> None:
    """
    An operator reads in parity.json how far the version is from the model, and whether it may be served in bfloat16.
    """
    parity = read_parity(version)

    assert (parity.images, parity.processor) == (len(run.sample), read_processor().name)
    assert (parity.float32.passed, parity.float32.bound, parity.float32.reason) == (True, TOLERANCE, None)
    assert parity.float32.difference is not None
    assert 0 <= parity.float32.difference < 1e-5
    assert parity.bfloat16.bound == BFLOAT16_TOLERANCE


@needs_bfloat16
def test_bfloat16_is_really_asked_for(version: Path, run: Run) -> None:
    """
    The session that measures bfloat16 computes its convolutions so, the other one does not, and the answers differ a
    little; a gate that compared float32 with itself would pass everything.
    """
    exact, rough = ServingSession(version, "float32"), ServingSession(version, "bfloat16")
    differences = np.abs(exact.predictor()(run.sample) - rough.predictor()(run.sample))

    assert (exact.dtypes(run.sample), rough.dtypes(run.sample)) == ({"float32"}, {"bfloat16"})
    assert 1e-6 < differences.max() < BFLOAT16_TOLERANCE
    assert read_parity(version).bfloat16 == judge_bfloat16(rough.predictor()(run.sample), exact.predictor()(run.sample))


@needs_bfloat16
def test_asking_in_bfloat16_leaves_the_process_as_it_was(version: Path, run: Run, loaded: SavedModel) -> None:
    """
    What is computed after the gate, such as the evaluation after `train --publish`, is computed in float32.
    """
    options, before = tf.config.optimizer.get_experimental_options(), predict_version(loaded, run.sample)
    ask_bfloat16(version, run.sample, before, read_processor())

    assert tf.config.optimizer.get_experimental_options() == options
    assert np.array_equal(predict_version(load_version(version), run.sample), before)


def test_a_processor_without_bfloat16_is_a_reason_and_no_failure(version: Path, run: Run) -> None:
    """
    There the version is published all the same, but nobody is told that it may be served in bfloat16.
    """
    deviation = ask_bfloat16(version, run.sample, np.zeros((1, 4), np.float32), OLD)

    assert (deviation.passed, deviation.difference) == (False, None)
    assert deviation.reason == "not measured: the processor (An Old One) has neither of amx_bf16 and avx512_bf16"


@pytest.mark.parametrize("difference", [BFLOAT16_TOLERANCE + 0.001, float("nan")])
def test_too_rough_a_version_is_marked(difference: float) -> None:
    """
    Beyond the bound, or without a number, bfloat16 is not passed, with the reason; JSON holds no NaN.
    """
    expected = np.array([[0.75, 0.25]], np.float32)
    deviation = judge_bfloat16(expected + np.float32(difference) * np.array([[-1, 1]], np.float32), expected)

    assert not deviation.passed
    assert deviation.reason is not None
    assert "the limit is 0.05" in deviation.reason
    assert msgspec.json.decode(msgspec.json.encode(deviation))["difference"] in {None, 0.051}


def test_within_the_bound_no_clear_answer_changes() -> None:
    """
    The bound says what an operator wants to know: a class changes only where the two best were closer than twice it.
    """
    generator = np.random.default_rng(5)
    expected = generator.dirichlet([1, 1, 1, 1], 4000).astype(np.float32)
    written = expected + generator.uniform(-1, 1, expected.shape).astype(np.float32) * np.float32(0.0499)
    best = np.sort(expected, axis=1)
    clear = best[:, -1] - best[:, -2] > 2 * BFLOAT16_TOLERANCE
    changed = written.argmax(axis=1) != expected.argmax(axis=1)

    assert judge_bfloat16(written, expected).passed
    assert changed.any()
    assert not (changed & clear).any()


@needs_bfloat16
def test_a_version_that_fails_in_bfloat16_is_published_for_float32(run: Run, tmp_path: Path) -> None:
    """
    A network that lives from what bfloat16 rounds away is right in float32: it may be served so, and parity.json says
    in which precision it may not.
    """
    fragile = replace(run, model=fine_grained(run.sample.shape[1:]))
    export(fragile, tmp_path / "1", "lung")
    parity = read_parity(tmp_path / "1")

    assert parity.float32.passed
    assert not parity.bfloat16.passed
    assert parity_lines(parity)[1].startswith("bfloat16: it must not be served so; probabilities differ by up to 0.")


def fine_grained(shape: tuple[int, ...]) -> KerasModel:
    """Return a network whose logits are the small difference of two large means, which bfloat16 rounds to wholes."""
    images = keras.Input(shape, dtype="uint8")
    x = keras.layers.Rescaling(1 / 255, offset=200)(images)
    means = np.broadcast_to([1 / 9, 1.001 / 9], (3, 3, 1, 2))
    x = keras.layers.Conv2D(2, 3, kernel_initializer=keras.initializers.Constant(means))(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    differences = keras.initializers.Constant([[4, -4, 0, 0], [-4, 4, 0, 0]])
    return keras.Model(images, keras.layers.Dense(4, activation="softmax", kernel_initializer=differences)(x))
