"""BentoML: a service that decodes, in a process for each core, before one that infers in adaptive batches.

These two services are what its guide advises where each request holds one image. `max_latency_ms` is the age at which
BentoML answers 503, not a wait: its dispatcher learns how long to wait. So the default of a minute stands. The client
between the services is renewed after 100 requests, which breaks those under way (BentoML's issue 5540);
`runner_connection` forbids it. A second process for the model was tried when the peers were first measured, and was not
faster. Environment: MODEL (the folder of a SavedModel whose `serve` turns [N, 224, 224, 3] in [0, 255], uint8 or
float32, into probabilities), PORT.
"""

import asyncio
import os
import sys
from pathlib import Path

import bentoml
import numpy as np
from PIL import Image

LABELS = ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma")
CORES = len(os.sched_getaffinity(0))
QUIET = {"access": {"enabled": False}}
NEVER = 10**9  # requests, and seconds


def decode(image: Image.Image) -> np.ndarray:
    """Return uint8 [1, 224, 224, 3]."""
    return np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))[np.newaxis]


@bentoml.service(
    workers=1,
    traffic={"timeout": 120},
    logging=QUIET,
    runner_connection={"max_requests": NEVER, "max_age": float(NEVER)},
)
class Model:
    """The model, in a process of its own."""

    def __init__(self) -> None:
        """Load it where it is used only."""
        import tensorflow as tf  # noqa: PLC0415

        self.constant, self.model = tf.constant, tf.saved_model.load(os.environ["MODEL"])
        [spec] = self.model.signatures["serving_default"].structured_input_signature[1].values()
        self.dtype = spec.dtype.as_numpy_dtype

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=60_000)
    def classify(self, pixels: np.ndarray) -> np.ndarray:
        """Turn uint8 [N, 224, 224, 3] into float32 [N, 4]."""
        return self.model.serve(self.constant(pixels.astype(self.dtype, copy=False))).numpy()


@bentoml.service(workers=CORES, traffic={"timeout": 120}, logging=QUIET)
class Frontend:
    """What clients speak to."""

    model = bentoml.depends(Model)

    @bentoml.api(route="/predict")
    async def predict(self, file: Image.Image) -> dict:
        """Answer one form."""
        pixels = await asyncio.to_thread(decode, file)
        scores = (await self.model.to_async.classify(pixels))[0].tolist()
        confidence, prediction = max(zip(scores, LABELS, strict=True))
        probabilities = dict(zip(LABELS, scores, strict=True))
        return {"prediction": prediction, "confidence": confidence, "probabilities": probabilities}


if __name__ == "__main__":
    here = Path(__file__)
    os.chdir(here.parent)  # BentoML imports the service from the folder it is started in
    serve = ["-m", "bentoml", "serve", f"{here.stem}:Frontend", "--host", "127.0.0.1", "--port", os.environ["PORT"]]
    os.execv(sys.executable, [sys.executable, *serve])  # noqa: S606 - that is the server
