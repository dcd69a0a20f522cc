"""What may be wrong with a request, by what it brings: for the OpenAPI document."""

from gateway.errors import (
    BodyTimeout,
    BodyTooLarge,
    ClientGone,
    CorruptImage,
    DeadlineExceeded,
    EmptyImage,
    HistoryUnavailable,
    InvalidDicom,
    InvalidTimeout,
    MalformedForm,
    MissingField,
    ModelBusy,
    ModelFailed,
    ModelUnavailable,
    Overloaded,
    TooManyFiles,
    TooManyPixels,
    TruncatedImage,
    UnsupportedDicom,
    UnsupportedFormat,
)

IMAGE_ERRORS = (
    EmptyImage,
    UnsupportedFormat,
    TruncatedImage,
    CorruptImage,
    TooManyPixels,
    InvalidDicom,
    UnsupportedDicom,
)
"""What may be wrong with one image."""

BODY_ERRORS = (BodyTooLarge, BodyTimeout, ClientGone, MissingField, MalformedForm, TooManyFiles)
"""What may be wrong with a body that holds images."""

MODEL_ERRORS = (ModelUnavailable, ModelBusy, ModelFailed)
"""What may be wrong with the model."""

PREDICT_ERRORS = (InvalidTimeout, Overloaded, *BODY_ERRORS, *MODEL_ERRORS, DeadlineExceeded, HistoryUnavailable)
"""What may be wrong with a request for predictions, beside the images themselves."""
