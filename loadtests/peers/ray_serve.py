"""Ray Serve: one replica with `@serve.batch`, behind the HAProxy that comes with it.

As its performance guide advises: HAProxy takes the requests, the throughput flags are on, decoding and inference stay
off the replica's event loop, and as many batches are under way at once as there are cores. These helped much when the
peers were first measured; a replica for each core did not. Ray ranks its workers below all other processes; not here,
since they compete with a load generator beside them. Environment: MODEL (the folder of a SavedModel whose `serve` turns
[N, 224, 224, 3] in [0, 255], uint8 or float32, into probabilities), PORT.
"""

import asyncio
import os
from typing import BinaryIO

os.environ |= {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
}  # Ray reads them when it is imported

import numpy as np
import ray
from PIL import Image
from ray import serve
from starlette.requests import Request

LABELS = ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma")
CORES = len(os.sched_getaffinity(0))


def decode(file: BinaryIO) -> np.ndarray:
    """Return uint8 [224, 224, 3]."""
    return np.asarray(Image.open(file).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))


@serve.deployment(num_replicas=1, max_ongoing_requests=256, ray_actor_options={"num_cpus": CORES})
class Classifier:
    """One replica: it decodes, gathers and infers."""

    def __init__(self, path: str) -> None:
        """Load the model in the replica."""
        import tensorflow as tf  # noqa: PLC0415

        self.constant, self.model = tf.constant, tf.saved_model.load(path)
        [spec] = self.model.signatures["serving_default"].structured_input_signature[1].values()
        self.dtype = spec.dtype.as_numpy_dtype

    def infer(self, pixels: list[np.ndarray]) -> list[list[float]]:
        """Return four probabilities for each image."""
        return self.model.serve(self.constant(np.stack(pixels).astype(self.dtype, copy=False))).numpy().tolist()

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.01, max_concurrent_batches=CORES)
    async def classify(self, pixels: list[np.ndarray]) -> list[list[float]]:
        """Answer a batch; Ray gathers it from the calls with one image each."""
        return await asyncio.to_thread(self.infer, pixels)

    async def __call__(self, request: Request) -> dict[str, object]:
        """Answer one form."""
        async with request.form() as form:
            pixels = await asyncio.to_thread(decode, form["file"].file)
        scores = await self.classify(pixels)
        confidence, prediction = max(zip(scores, LABELS, strict=True))
        probabilities = dict(zip(LABELS, scores, strict=True))
        return {"prediction": prediction, "confidence": confidence, "probabilities": probabilities}


if __name__ == "__main__":
    ray.init(num_cpus=CORES, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Classifier.bind(os.environ["MODEL"]), route_prefix="/predict", blocking=True)
