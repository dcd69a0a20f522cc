"""The better server of one's own: FastAPI, and a SavedModel called from its thread pool, without batches.

A plain `def` handler runs in one of 40 threads. Pillow and TensorFlow release the GIL there, so a single process keeps
every core busy; uvicorn runs on uvloop and httptools. A second process, a smaller pool and fewer TensorFlow threads
were tried when the peers were first measured, and were not faster. Environment: MODEL (the folder of a SavedModel whose
`serve` turns [N, 224, 224, 3] in [0, 255], uint8 or float32, into probabilities), PORT.
"""

import os

import numpy as np
import tensorflow as tf
import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image

LABELS = ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma")


def create_app(path: str) -> FastAPI:
    """Serve the SavedModel at `path` at `POST /predict`."""
    app = FastAPI()
    model = tf.saved_model.load(path)
    [spec] = model.signatures["serving_default"].structured_input_signature[1].values()
    dtype = spec.dtype.as_numpy_dtype

    @app.post("/predict")
    def predict(file: UploadFile) -> dict[str, object]:
        image = Image.open(file.file).convert("RGB")
        pixels = np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR), dtype)
        scores = model.serve(tf.constant(pixels[np.newaxis])).numpy()[0].tolist()
        confidence, prediction = max(zip(scores, LABELS, strict=True))
        probabilities = dict(zip(LABELS, scores, strict=True))
        return {"prediction": prediction, "confidence": confidence, "probabilities": probabilities}

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(os.environ["MODEL"]),
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        access_log=False,
        log_level="warning",
    )
