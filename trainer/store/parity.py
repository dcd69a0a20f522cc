"""The parity gate: a version, read back from disk, answers as the model that it was written from, or is not published.

In float32 it must; there is no reason for another answer. In bfloat16, which is the server's choice, it may or may not:
what came out is written down beside the version, and does not keep it from being published.
"""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer.errors import ParityError
from trainer.measures.deviation import Deviation, Parity
from trainer.networks.predict import in_batches, predict_model
from trainer.processor import Processor, read_processor
from trainer.store.kept import PARITY
from trainer.store.saved_model import can_explain, explain_version, load_version, predict_version, read_manifest
from trainer.store.session import ServingSession
from trainer.store.signatures import calibrated, explain_model
from trainer.store.warmup import replay_warmup
from trainer.training.runs import Run
from trainer.untyped import SavedModel

TOLERANCE = 1e-3
"""How far a probability on disk may be from the one in memory: folding and fusing change the order of the sums."""
HEAT_TOLERANCE = 1e-2
"""The same of a heat map's values, 0 to 1: each map is divided by its maximum, which may be small."""
SAME = 1e-5
"""How far the probabilities of `explain` may be from those of `serving_default`: the same sums, in two graphs."""
BFLOAT16_TOLERANCE = 0.05
"""How far a probability in bfloat16 may be from the one in float32; the measurements are in ARCHITECTURE.md."""


def check(folder: Path, run: Run) -> Parity:
    """Read a version back from disk and compare it with the run that it was written from.

    Raises:
        ParityError: an answer differs in float32, or the manifest does, or a warm-up record cannot be replayed.
    """
    loaded = load_version(folder)
    if read_manifest(loaded) != run.manifest:
        raise ParityError(f"{folder} describes itself with another manifest than the one it was written from")
    expected = calibrated(predict_model(run.model, run.sample), run.manifest.temperature)
    written = predict_version(loaded, run.sample)
    difference = compare(written, np.asarray(expected))
    check_explanations(loaded, run, written)
    replay_warmup(folder / "assets.extra" / "tf_serving_warmup_requests", loaded)
    processor = read_processor()
    return Parity(
        images=len(run.sample),
        processor=processor.name,
        float32=Deviation(passed=True, difference=_rounded(difference), bound=TOLERANCE),
        bfloat16=ask_bfloat16(folder, run.sample, written, processor),
    )


def compare(written: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Compare a version's answers with the model's, both float32 `[N, K]`, and return the largest difference.

    Raises:
        ParityError: a row has another top class, or a probability is further off than `TOLERANCE`.
    """
    if written.shape != expected.shape:
        raise ParityError(f"the version answers with shape {written.shape}, the model with {expected.shape}")
    furthest = float(np.abs(written - expected).max())
    others = int((written.argmax(axis=1) != expected.argmax(axis=1)).sum())
    if others or not furthest <= TOLERANCE:
        raise ParityError(
            f"the written version is not the model: {others} of {len(expected)} images get another class, and "
            f"probabilities differ by up to {furthest:.2g}; the limit is {TOLERANCE:g}. Nothing was published"
        )
    return furthest


def check_explanations(loaded: SavedModel, run: Run, served: NDArray[np.float32]) -> None:
    """Compare the heat maps of a version with those of the model in memory, and its two signatures with each other.

    Args:
        loaded: the version.
        run: what it was written from.
        served: what `serving_default` answers to the run's sample, float32 `[N, K]`.

    Raises:
        ParityError: a heat map is missing, out of range or another one, or a probability is.
    """
    if not can_explain(loaded):
        raise ParityError("the version has no signature explain. Nothing was published")
    heatmaps, probabilities = explain_version(loaded, run.sample)
    expected = explain_model(run.model, run.manifest.temperature, run.manifest.image, run.sample)
    compare_heatmaps(heatmaps, expected)
    furthest = float(np.abs(probabilities - served).max())
    if not furthest <= SAME:
        raise ParityError(
            f"explain answers with other probabilities than serving_default, by up to {furthest:.2g}; the limit is "
            f"{SAME:g}. Nothing was published"
        )


def compare_heatmaps(written: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Compare heat maps, both float32 `[N, H, W]`.

    Raises:
        ParityError: the shape or the range is wrong, or a value is further off than `HEAT_TOLERANCE`.
    """
    if written.shape != expected.shape:
        raise ParityError(f"explain answers with heat maps of shape {written.shape}, the model with {expected.shape}")
    if not (written.min() >= 0 and written.max() <= 1):
        raise ParityError(f"explain answers with heat from {written.min():.2g} to {written.max():.2g}, not in 0 to 1")
    furthest = float(np.abs(written - expected).max())
    if not furthest <= HEAT_TOLERANCE:
        raise ParityError(
            f"explain shows other heat maps than the model, by up to {furthest:.2g}; the limit is {HEAT_TOLERANCE:g}. "
            "Nothing was published"
        )


def ask_bfloat16(
    folder: Path, images: NDArray[np.uint8], expected: NDArray[np.float32], processor: Processor
) -> Deviation:
    """Ask a version in bfloat16, where the processor has it, and compare with its answers in float32.

    Args:
        folder: the version's.
        images: uint8 `[N, H, W, C]`.
        expected: what it answers in float32, `[N, K]`.
        processor: the one that this runs on.
    """
    if processor.without_bfloat16:
        reason = f"not measured: {processor.without_bfloat16}"
        return Deviation(passed=False, difference=None, bound=BFLOAT16_TOLERANCE, reason=reason)
    with ServingSession(folder, "bfloat16") as session:
        ask = session.predictor()
        written = np.concatenate([ask(batch) for batch in in_batches(images)])
    return judge_bfloat16(written, expected)


def judge_bfloat16(written: NDArray[np.float32], expected: NDArray[np.float32]) -> Deviation:
    """Say whether probabilities in bfloat16 are within `BFLOAT16_TOLERANCE` of those in float32, both `[N, K]`.

    Then the class is the same wherever, in float32, the highest probability is above the second by more than twice the
    bound: the one loses and the other gains one bound at most.
    """
    furthest = float(np.abs(written - expected).max())
    if furthest <= BFLOAT16_TOLERANCE:
        return Deviation(passed=True, difference=_rounded(furthest), bound=BFLOAT16_TOLERANCE)
    reason = f"probabilities differ by up to {furthest:.2g}; the limit is {BFLOAT16_TOLERANCE:g}"
    difference = _rounded(furthest) if np.isfinite(furthest) else None
    return Deviation(passed=False, difference=difference, bound=BFLOAT16_TOLERANCE, reason=reason)


def write_parity(folder: Path, parity: Parity) -> None:
    """Write down what the gate found, beside the manifest."""
    (folder / PARITY).write_bytes(msgspec.json.format(msgspec.json.encode(parity), indent=2) + b"\n")


def read_parity(folder: Path) -> Parity:
    """Read what the gate found when a version was written."""
    return msgspec.json.decode((folder / PARITY).read_bytes(), type=Parity)


def _rounded(difference: float) -> float:
    return float(f"{difference:.3g}")
