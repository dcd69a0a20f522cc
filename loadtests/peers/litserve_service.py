"""LitServe: a worker for each core, each of which decodes, batches and infers.

As its guide advises for models on a CPU: as many workers as cores, and the fast queue. Each worker holds the model
once more, and TensorFlow gets one thread in each, or they would fight for the cores. A batch waits 10 ms at most; 32
images are the gateway's limit too. Environment: MODEL (the folder of a SavedModel whose `serve` turns [N, 224, 224, 3]
in [0, 255], uint8 or float32, into probabilities), PORT.
"""

import os

import litserve
import numpy as np
from fastapi import Request
from PIL import Image

LABELS = ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma")


class Classifier(litserve.LitAPI):
    """One worker: a model, and the steps from a form to an answer."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - the device is the processor
        """Load the model, in the worker: TensorFlow does not survive a fork."""
        import tensorflow as tf  # noqa: PLC0415

        tf.config.threading.set_intra_op_parallelism_threads(1)
        self.constant, self.model = tf.constant, tf.saved_model.load(os.environ["MODEL"])
        [spec] = self.model.signatures["serving_default"].structured_input_signature[1].values()
        self.dtype = spec.dtype.as_numpy_dtype

    def decode_request(self, request: Request) -> np.ndarray:
        """Return uint8 [224, 224, 3]."""
        image = Image.open(request["file"].file).convert("RGB")
        return np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR))

    def batch(self, inputs: list[np.ndarray]) -> np.ndarray:
        """Return [N, 224, 224, 3] in the dtype that the model takes."""
        return np.stack(inputs).astype(self.dtype, copy=False)

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Return float32 [N, 4]."""
        return self.model.serve(self.constant(pixels)).numpy()

    def unbatch(self, output: np.ndarray) -> list[list[float]]:
        """Part a batch's answers."""
        return output.tolist()

    def encode_response(self, scores: list[float]) -> dict[str, object]:
        """Name the numbers."""
        confidence, prediction = max(zip(scores, LABELS, strict=True))
        probabilities = dict(zip(LABELS, scores, strict=True))
        return {"prediction": prediction, "confidence": confidence, "probabilities": probabilities}


if __name__ == "__main__":
    server = litserve.LitServer(
        Classifier(max_batch_size=32, batch_timeout=0.01),
        accelerator="cpu",
        timeout=120,
        workers_per_device=len(os.sched_getaffinity(0)),
        fast_queue=True,
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        num_api_servers=1,
        generate_client_file=False,
        access_log=False,
        log_level="warning",
    )
