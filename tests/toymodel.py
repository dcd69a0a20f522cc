"""A tiny model that fulfils the contract of the model store, and whose answers anybody can work out again.

`python -m tests.toymodel STORE VERSION [VERSION...] [--size 32] [--mode L|RGB] [--fault wrong|slow|error]` publishes
SavedModels below STORE, the folder of one model. Beside the contract's three signatures they have `spin`, which keeps
the server busy for as long as a test asks. What they look at is what is bright. TensorFlow is imported by `publish`
alone, so `expected` costs nothing.
"""

import argparse
import json
import math
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LABELS = ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma")
CHANNELS = {"L": 1, "RGB": 3}
WARMUP_BATCHES = (1, 2, 4, 8)
DIGEST = "sha256:" + "1" * 64
FAULTS = ("wrong", "slow", "error")
"""What may be wrong with a version: it says the last class to every image; it takes tenths of a second for
a call; it fails. Black images it answers as ever, so neither its warm-up nor anyone's probe with them shows it."""
SLOW_ROUNDS = 60_000


def expected(image: NDArray[np.uint8], version: int) -> NDArray[np.float32]:
    """Return what version `version` answers for one image: float32 `[4]`, to about 1e-5.

    The softmax of `3 sin(version + k) + 4 (k - 1.5) b` for k = 0..3, where b is the mean brightness in 0..1. So both
    the image and the version show in every answer.
    """
    brightness = float(np.mean(image, dtype=np.float64)) / 255
    logits = np.array([3 * math.sin(version + k) + 4 * (k - 1.5) * brightness for k in range(len(LABELS))])
    weights = np.exp(logits - logits.max())
    return np.asarray(weights / weights.sum(), np.float32)


def manifest(size: int = 32, mode: str = "L") -> dict[str, Any]:
    """Return the manifest that `describe` answers."""
    return {
        "labels": list(LABELS),
        "image": {"mode": mode, "height": size, "width": size, "resample": "bilinear"},
        "temperature": 1.0,
        "abstention_threshold": 0.0,
        "metrics": {"accuracy": 0.9, "macro_f1": 0.9},
        "data_digest": "sha256:" + "0" * 64,
        "model_digest": DIGEST,
        "config": {},
        "code_version": "0.1.0",
        "created_at": "2026-01-01T00:00:00Z",
        "architecture": "toy",
    }


def publish(
    store: Path,
    version: int,
    *,
    size: int = 32,
    mode: str = "L",
    fault: str | None = None,
    says: Mapping[str, Any] | None = None,
) -> Path:
    """Write the model to `store/.<version>.partial`, rename it to `store/<version>`, and return that path.

    What it `says` of itself is in its manifest, beside or instead of what the others say.

    Raises:
        OSError: the version exists, or the store cannot be written.
    """
    partial, final = store / f".{version}.partial", store / str(version)
    shape = (size, size, CHANNELS[mode])
    text = json.dumps({**manifest(size, mode), **(says or {})})
    _save(partial, version, shape, text, fault)
    extra = partial / "assets.extra"
    extra.mkdir()
    (extra / "manifest.json").write_text(text)
    _write_warmup(extra / "tf_serving_warmup_requests", shape)
    return partial.rename(final)


def copy(published: Path, store: Path, version: int) -> Path:
    """Publish a copy of a published version as `store/<version>`, as atomically, and return that path.

    Its answers stay those of the version that it was made as.
    """
    partial = store / f".{version}.partial"
    shutil.copytree(published, partial)
    return partial.rename(store / str(version))


def _save(path: Path, version: int, shape: tuple[int, int, int], text: str, fault: str | None) -> None:
    import tensorflow as tf  # noqa: PLC0415 - seconds, and only publishing needs it

    module = tf.Module()
    module.bias = tf.Variable([[3 * math.sin(version + k) for k in range(len(LABELS))]], dtype=tf.float32)
    slope = tf.constant([[4 * (k - 1.5) for k in range(len(LABELS))]], dtype=tf.float32)
    mean = tf.fill(shape, 1 / (255 * math.prod(shape)))

    def serve(images: Any) -> dict[str, Any]:  # noqa: ANN401 - a symbolic tensor
        brightness = tf.reduce_sum(tf.cast(images, tf.float32) * mean, axis=(1, 2, 3))[:, tf.newaxis]
        return {"probabilities": tf.nn.softmax(_spoil(module.bias + slope * brightness, brightness, fault))}

    def explain(images: Any) -> dict[str, Any]:  # noqa: ANN401 - a symbolic tensor
        return {"heatmaps": tf.reduce_mean(tf.cast(images, tf.float32), axis=3) / 255, **serve(images)}

    def describe() -> dict[str, Any]:
        return {"manifest": tf.constant(text)}

    def spin(rounds: Any) -> dict[str, Any]:  # noqa: ANN401 - a symbolic tensor
        (turned,) = tf.while_loop(lambda i: i < rounds, lambda i: (i + 1,), (tf.constant(0),))
        return {"turned": turned}

    signatures = {
        "serving_default": tf.function(serve, [tf.TensorSpec((None, *shape), tf.uint8, name="images")]),
        "explain": tf.function(explain, [tf.TensorSpec((None, *shape), tf.uint8, name="images")]),
        "describe": tf.function(describe, []),
        "spin": tf.function(spin, [tf.TensorSpec((), tf.int32, name="rounds")]),
    }
    tf.saved_model.save(module, str(path), signatures=signatures)


def _spoil(logits: Any, brightness: Any, fault: str | None) -> Any:  # noqa: ANN401 - symbolic tensors
    """Return the logits as a version with `fault` has them; without one as they are."""
    import tensorflow as tf  # noqa: PLC0415 - seconds, and only publishing needs it

    lit = tf.reduce_any(brightness > 0)
    if fault == "wrong":
        return tf.where(brightness > 0, tf.constant([[0.0, 0.0, 0.0, 9.0]]), logits)
    if fault == "slow":
        rounds = tf.where(lit, SLOW_ROUNDS, 0)
        (turned,) = tf.while_loop(lambda i: i < rounds, lambda i: (i + 1,), (tf.constant(0),))
        return logits + 0.0 * tf.cast(turned, tf.float32)
    if fault == "error":
        with tf.control_dependencies([tf.debugging.Assert(tf.logical_not(lit), ["this version fails"])]):
            return tf.identity(logits)
    return logits


def _write_warmup(path: Path, shape: tuple[int, int, int]) -> None:
    import tensorflow as tf  # noqa: PLC0415 - seconds, and only publishing needs it

    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in _warmup_records(shape):
            writer.write(record)


def _warmup_records(shape: tuple[int, int, int]) -> Iterator[bytes]:
    from proto import tfserving_pb2 as pb  # noqa: PLC0415 - `expected` needs no protobuf either

    for batch in WARMUP_BATCHES:
        images = pb.Tensor(dtype=pb.DT_UINT8, tensor_content=bytes(batch * math.prod(shape)))
        images.tensor_shape.dim.extend(pb.TensorShape.Dim(size=size) for size in (batch, *shape))
        log = pb.PredictionLog()
        log.predict_log.request.model_spec.name = "lung"
        log.predict_log.request.inputs["images"].CopyFrom(images)
        yield log.SerializeToString()
    describe = pb.PredictionLog()
    describe.predict_log.request.model_spec.CopyFrom(pb.ModelSpec(name="lung", signature_name="describe"))
    yield describe.SerializeToString()


def main(argv: list[str]) -> int:
    """Publish the versions that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.toymodel", description="publish tiny models")
    parser.add_argument(
        "store", type=Path, metavar="STORE", help="the folder of the model, for instance var/models/lung"
    )
    parser.add_argument("versions", type=int, nargs="+", metavar="VERSION")
    parser.add_argument("--size", type=int, default=32, help="height and width in pixels")
    parser.add_argument("--mode", choices=sorted(CHANNELS), default="L")
    parser.add_argument("--fault", choices=FAULTS, help="what is wrong with the versions; nothing without it")
    parser.add_argument("--says", type=json.loads, help="a JSON object with what their manifests say otherwise")
    arguments = parser.parse_args(argv)
    options = {name: getattr(arguments, name) for name in ("size", "mode", "fault", "says")}
    for version in arguments.versions:
        publish(arguments.store, version, **options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
