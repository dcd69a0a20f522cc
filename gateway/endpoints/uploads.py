"""The endpoints of uploads: images that are kept to be learned from."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from litestar import Request, get, post

from gateway.docs import training_examples as examples
from gateway.documentation import image_body, operation, problems
from gateway.endpoints.refusals import BODY_ERRORS
from gateway.errors import (
    HistoryUnavailable,
    InvalidLabels,
    LabelConflict,
    ModelUnavailable,
    Overloaded,
    SessionUnknown,
    UploadsFull,
    UploadsUnavailable,
)
from gateway.services import Services
from gateway.timestamps import from_us
from gateway.uploaded.files import is_folder_name
from gateway.uploaded.schemas import UploadedImage, UploadedSession, UploadReply
from gateway.uploaded.uploads import Labelled
from gateway.uploads import BodyLimits, Form, read_form

_SHOWN = 64  # characters of a label that is wrong


@post(
    "/upload-data",
    status_code=200,
    responses=problems(
        *BODY_ERRORS,
        InvalidLabels,
        LabelConflict,
        Overloaded,
        ModelUnavailable,
        UploadsFull,
        UploadsUnavailable,
        HistoryUnavailable,
    ),
    operation_class=operation(
        body=image_body("files", "The images, as files of a form, with a `label`, or with `labels`."),
        example=examples.UPLOADED,
    ),
)
async def upload(request: Request[Any, Any, Any], services: Services) -> UploadReply:
    """Keep images: the form field `files`, repeated. Those with a label become training data of the next retraining.

    One label for all stands in the field `label`; one for each in `labels`, repeated as often as `files` and in the
    same order, empty for none. Labels are the classes of the current version. A file that is no image is an error in
    its place.
    """
    settings, deadline = services.settings, time.monotonic() + services.settings.body_timeout_s
    count = min(settings.max_batch_files, services.admission.bulk_limit)
    limits = BodyLimits(settings.max_batch_body_bytes, "PULMO_MAX_BATCH_BODY_BYTES", settings.body_timeout_s, count)
    manifest = (await services.router.current()).manifest
    with services.admission.places(priority="bulk") as place:
        form = await read_form(request, "files", limits, deadline, place)
        sent = labelled(form, manifest.labels)
        with services.admission.places(len(sent) - 1, priority="bulk"):
            session, files = await services.uploads.keep(sent, manifest.image)
    accepted = sum(file.accepted for file in files)
    return UploadReply(f"{accepted} of {len(files)} images are accepted", session, files)


@get(
    "/uploaded-data/{session_id:str}",
    responses=problems(SessionUnknown, HistoryUnavailable),
    operation_class=operation(example=examples.UPLOADS),
)
async def uploaded(services: Services, session_id: str) -> UploadedSession:
    """Return what was accepted of one upload."""
    rows = await services.uploads.of_session(session_id)
    if not rows:
        raise SessionUnknown("nothing was uploaded under this identity; POST /upload-data names it")
    images = [
        UploadedImage(
            filename=row["filename"],
            label=row["label"],
            sha256=row["sha256"],
            size=row["size"],
            duplicate=not row["stored"],
            timestamp=from_us(row["timestamp_us"]),
        )
        for row in rows
    ]
    return UploadedSession(session_id, images, dict(Counter(image.label for image in images if image.label)))


def labelled(form: Form, known: Sequence[str]) -> list[Labelled]:
    """Return the images of a form with their labels.

    Raises:
        InvalidLabels: one is not known, or there is not one for each file.
    """
    for_all, for_each = form.texts.get("label", []), form.texts.get("labels", [])
    if len(for_all) > 1 or (for_all and for_each):
        raise InvalidLabels("the form has several labels for all files; send one `label`, or `labels`, one for each")
    labels = for_each or for_all * len(form.uploads) or [""] * len(form.uploads)
    if len(labels) != len(form.uploads):
        raise InvalidLabels(f"the form has {len(labels)} `labels` for {len(form.uploads)} files; send one for each")
    for label in labels:
        if label and (label not in known or not is_folder_name(label)):
            raise InvalidLabels(f"the label {label[:_SHOWN]!r} is none of {', '.join(known)}")
    return [Labelled(upload, label or None) for upload, label in zip(form.uploads, labels, strict=True)]


UPLOAD_ROUTES = [upload, uploaded]
