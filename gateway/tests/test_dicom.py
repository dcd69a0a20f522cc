"""A DICOM file is classified like a PNG of what it shows, and nothing about its patient is kept."""

import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.pixels.processing import apply_rescale

from gateway.decoding import read_row
from gateway.dicom import CENTRE, WIDTH, is_dicom, read_picture
from gateway.imaging import ImageError, ImageSpec, decode
from tests.corpus import dicoms
from tests.dicoms import PATIENT, dicom, hounsfield
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import PYTHON, ROOT

LIMIT = 1_000_000  # pixels
GREY = ImageSpec("L", 24, 32, "bilinear")
COLOUR = ImageSpec("RGB", 24, 32, "bilinear")
ODD = dicoms.odd()


def windowed(units: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the lung window as PS3.3, section C.11.2.1.2.1 writes it, value by value."""

    def shade(x: float) -> float:
        if x <= CENTRE - 0.5 - (WIDTH - 1) / 2:
            return 0.0
        if x > CENTRE - 0.5 + (WIDTH - 1) / 2:
            return 255.0
        return ((x - (CENTRE - 0.5)) / (WIDTH - 1) + 0.5) * 255

    return np.array([shade(x) for x in units.ravel().tolist()]).reshape(units.shape).round().astype(np.uint8)


def reference(kind: str) -> NDArray[np.uint8]:
    """Return the picture in one of the odd files, by pydicom's own reading of its pixels."""
    file = dcmread(DicomBytesIO(ODD[kind]))
    if kind in {"8-bit", "colour", "colour planes"}:
        return np.asarray(file.pixel_array, np.uint8)
    shown = windowed(apply_rescale(file.pixel_array, file))
    return 255 - shown if kind == "inverted" else shown


@pytest.mark.parametrize("kind", ODD)
def test_a_dicom_file_shows_its_pixels_in_the_lung_window(kind: str) -> None:
    """Rescaled, windowed and inverted as the standard has it; an independent reader gives the same picture."""
    assert np.array_equal(read_picture(ODD[kind], LIMIT), reference(kind))


@pytest.mark.parametrize("spec", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("kind", ODD)
def test_a_dicom_file_and_a_png_of_its_picture_are_the_same_array(kind: str, spec: ImageSpec) -> None:
    """From there on both go one way, the trainer's."""
    row = read_row(ODD[kind], spec, LIMIT)

    assert np.array_equal(row, decode(png(reference(kind)), spec, LIMIT))
    assert row.flags.c_contiguous


def test_the_ends_of_the_window_are_black_and_white() -> None:
    """-1350 Hounsfield units and less are black, 150 and more are white, and -600 lies in the middle."""
    units = np.array([[-1400, -1350, -600, 150, 3000]], np.int16)

    assert read_picture(dicom(units, RescaleIntercept="0"), LIMIT).tolist() == [[0, 0, 128, 255, 255]]


def test_bits_above_the_stored_ones_do_not_count() -> None:
    """Overlays are hidden there in old files."""
    plain = hounsfield(1)
    marked = plain | np.uint16(0xF000)

    one, other = (read_picture(dicom(values, BitsStored=12, HighBit=11), LIMIT) for values in (plain, marked))

    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("reason", "body"),
    [
        ("dicom-invalid", dicom(hounsfield(1), without=("PixelData",))),
        ("dicom-invalid", dicom(hounsfield(1), without=("RescaleSlope",))),
        ("dicom-invalid", dicom(hounsfield(1))[:-100]),
        ("dicom-unsupported", dicom(np.stack([hounsfield(1)] * 2).reshape(80, 40), Rows=40, NumberOfFrames="2")),
        ("dicom-unsupported", dicoms.with_syntax(dicom(hounsfield(1)), "1.2.840.10008.1.2.4.90")),
        ("dicom-unsupported", dicom(hounsfield(1), PhotometricInterpretation="PALETTE COLOR")),
        ("pixels", dicom(hounsfield(1), Rows=50_000, Columns=50_000)),
    ],
    ids=["no pixels", "no rescaling", "cut off", "multi-frame", "JPEG 2000", "palette", "too large"],
)
def test_what_cannot_be_shown_is_refused_with_its_reason(reason: str, body: bytes) -> None:
    """Before any work on pixels, and without a word of what stands in the file about its patient."""
    with pytest.raises(ImageError) as error:
        read_picture(body, LIMIT)

    assert error.value.reason == reason
    assert not [value for value in PATIENT.values() if value in str(error.value)]


def test_a_png_is_a_png_whatever_stands_at_byte_128() -> None:
    """So no file is two things at once."""
    body = png(pixels(1))

    assert is_dicom(ODD["unsigned"])
    assert not is_dicom(body[:128] + b"DICM" + body[132:])


def test_the_gateway_starts_without_pydicom() -> None:
    """Who sends no DICOM file does not pay for its reader."""
    code = "import gateway.app, sys; assert 'pydicom' not in sys.modules"

    subprocess.run([PYTHON, "-c", code], check=True, cwd=ROOT)


@pytest.fixture(scope="module")
def private(model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway that logs all it can."""
    with serving_gateway(model_server.target, tmp_path_factory.mktemp("private"), log_level="debug") as gateway:
        yield gateway


def test_a_dicom_upload_is_answered_like_the_png(private: Gateway) -> None:
    """As a form and as a raw body, whatever it is announced as."""
    body, picture = ODD["unsigned"], png(reference("unsigned"))
    headers = {"Content-Type": "application/dicom"}

    right = httpx.post(f"{private.url}/predict", content=picture).json()["probabilities"]
    raw = httpx.post(f"{private.url}/predict", content=body, headers=headers).json()
    form = httpx.post(f"{private.url}/predict", files={"file": ("slice.dcm", body)}).json()

    assert raw["probabilities"] == form["probabilities"] == pytest.approx(right, abs=1e-6)
    assert form["filename"] == "slice.dcm"


def test_nothing_about_the_patient_is_stored_or_logged(private: Gateway) -> None:
    """Neither what stands in the file, whole or broken, nor the file's name, which is often the patient's."""
    body, name = ODD["implicit"], "Doe Margarethe 24-12-1947.dcm"
    charset = body.index(b"\x08\x00\x16\x00")
    strange = body[:charset] + b"\x08\0\x05\0\x0e\0\0\0Doe^Margarethe" + body[charset:]  # pydicom warns, and quotes
    cases = [case.body for case in dicoms.broken()][:60]
    broken = [strange, body[: body.index(b"Margarethe") + 10], body[:-50], *cases]
    replies = [httpx.post(f"{private.url}/predict", files={"file": (name, each)}) for each in (body, *broken)]
    batch = httpx.post(f"{private.url}/predict-batch", files=[("files", (name, each)) for each in (body, *broken[:5])])

    assert replies[0].json()["filename"] == name
    assert batch.json()["predictions"][0]["filename"] == name
    history = httpx.get(f"{private.url}/history", params={"limit": 500}).text
    files = [path.read_bytes() for path in private.history.parent.iterdir() if path.is_file()]
    told = [history.encode(), *(reply.content for reply in replies if reply.is_error), *files]
    for secret in (*PATIENT.values(), "Margarethe", "24-12-1947"):
        assert not [text for text in told if secret.encode() in text], secret


def test_a_png_keeps_its_name_in_the_history(private: Gateway) -> None:
    """Only DICOM files are known to be named after patients."""
    httpx.post(f"{private.url}/predict", files={"file": ("slice.png", png(pixels(1)))})

    assert httpx.get(f"{private.url}/history", params={"limit": 1}).json()["history"][0]["filename"] == "slice.png"
