"""The tutorial's server: FastAPI, and `model.predict` in an async handler, one image at a time.

It is what many projects begin with, so nothing is tuned: `predict` builds a data set for every call and holds up the
event loop meanwhile. Environment: MODEL_KERAS (`model.keras`: [N, 224, 224, 3] in [0, 255] to probabilities), PORT.
"""

import io
import os

import keras
import numpy as np
import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image

LABELS = ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma")


def create_app(model: keras.Model) -> FastAPI:
    """Serve `model` at `POST /predict`."""
    app = FastAPI()

    @app.post("/predict")
    async def predict(file: UploadFile) -> dict[str, object]:
        image = Image.open(io.BytesIO(await file.read())).convert("RGB")
        pixels = np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR), np.float32)
        scores = model.predict(pixels[np.newaxis], verbose=0)[0].tolist()
        confidence, prediction = max(zip(scores, LABELS, strict=True))
        probabilities = dict(zip(LABELS, scores, strict=True))
        return {"prediction": prediction, "confidence": confidence, "probabilities": probabilities}

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(keras.models.load_model(os.environ["MODEL_KERAS"])),
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        access_log=False,
        log_level="warning",
    )
