"""Questions and answers of the protocol as the OpenAPI document shows them."""

from gateway.openinference.messages import (
    IndexEntry,
    InferenceResponse,
    ModelMetadata,
    ModelReady,
    ResponseOutput,
    ServerLive,
    ServerMetadata,
    ServerReady,
    TensorMetadata,
)
from gateway.openinference.metadata import EXTENSIONS

_LABELS = ["adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma"]

SERVER = ServerMetadata("pulmo", "0.1.0", EXTENSIONS)
LIVE, READY, MODEL_READY = ServerLive(), ServerReady(), ModelReady("lung")
METADATA = ModelMetadata(
    name="lung",
    versions=["2", "3"],
    platform="tensorflow_savedmodel",
    inputs=[TensorMetadata("images", "UINT8", [-1, 224, 224, 1]), TensorMetadata("image", "BYTES", [-1])],
    outputs=[
        TensorMetadata("probabilities", "FP32", [-1, len(_LABELS)]),
        TensorMetadata("labels", "BYTES", [-1]),
        TensorMetadata("ids", "BYTES", [-1]),
    ],
)
INDEX = [IndexEntry("lung", "3", "READY", "")]
QUESTIONS = {
    "a file": {
        "id": "7",
        "inputs": [
            {
                "name": "image",
                "datatype": "BYTES",
                "shape": [1],
                "parameters": {"content_type": "base64"},
                "data": ["iVBORw0KGgo="],
            }
        ],
        "outputs": [{"name": "labels"}],
    },
}
ANSWER = InferenceResponse(
    model_name="lung",
    model_version="3",
    outputs=[ResponseOutput("labels", "BYTES", [1], data=["normal"])],
    id="7",
)
