"""DICOM files that tests post, written by pydicom; each holds a patient who does not exist."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

PATIENT = {
    "PatientName": "Doe^Margarethe",
    "PatientID": "MRN-4711-0815",
    "PatientBirthDate": "19471224",
    "InstitutionName": "Charitas Nowhere",
    "ReferringPhysicianName": "Quacksalber^Theophrast",
    "AccessionNumber": "ACC99887766",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.4711",
    "ImageComments": "told in confidence",
}
"""What must never be stored or logged."""


def dicom(
    pixels: NDArray[Any],
    *,
    syntax: str = ExplicitVRLittleEndian,
    without: tuple[str, ...] = (),
    **elements: object,
) -> bytes:
    """Return a CT slice.

    Args:
        pixels: as they are stored, `[H, W]` or `[H, W, 3]`, of 8 or 16 bits, signed or not.
        syntax: the transfer syntax; compressed ones only announce what they are not.
        without: keywords of elements that the file is to lack.
        elements: others by their keywords, over the defaults.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, UID("1.2.3.4")
    meta.TransferSyntaxUID = UID(syntax)
    file = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    bits, big = pixels.dtype.itemsize * 8, syntax == "1.2.840.10008.1.2.2"
    content: dict[str, object] = {
        **PATIENT,
        "SOPClassUID": CTImageStorage,
        "Modality": "CT",
        "ProcedureCodeSequence": [coded()],
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1 if pixels.ndim == 2 else 3,
        "PhotometricInterpretation": "MONOCHROME2" if pixels.ndim == 2 else "RGB",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(np.issubdtype(pixels.dtype, np.signedinteger)),
        "RescaleSlope": "1",
        "RescaleIntercept": "-1024" if bits == 16 else "0",
        "PixelData": pixels.astype(pixels.dtype.newbyteorder(">" if big else "<")).tobytes(),
        **elements,
    }
    for keyword, value in content.items():
        if keyword not in without:
            setattr(file, keyword, value)
    if "PixelData" in file:
        file["PixelData"].VR = "OW" if bits == 16 else "OB"
    target = io.BytesIO()
    dcmwrite(target, file, enforce_file_format=True)
    return target.getvalue()


def coded() -> Dataset:
    """Return an item of a sequence of undefined length, as scanners write them."""
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "4711", "CT of the chest"
    item.is_undefined_length_sequence_item = True
    return item


def hounsfield(seed: int, size: int = 40) -> NDArray[np.uint16]:
    """Return stored values `[size, size]` from -1024 to 1500 Hounsfield units."""
    return np.random.default_rng(seed).integers(0, 2524, (size, size), np.uint16)
