"""A DICOM file to the grey picture that a radiologist sees of it in the lung window.

pydicom takes the file apart; only elements of the pixel module and the rescaling are kept (`_WANTED`), everything that
could name a patient is skipped unread. Pixels are taken out here: pydicom would inflate and decompress whatever a file
announces. Sections: DICOM PS3.3 and PS3.5, 2024.
"""

import io
import math
from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.structure import MAGICS, ImageError

Order = Literal["little", "big"]

_MAGIC: Final = b"DICM"
_MAGIC_AT: Final = 128
_READS: Final = 10_000  # of a file, while it is taken apart: 0.2 s at most; a CT slice needs some hundreds

CENTRE: Final = -600.0
"""Hounsfield units in the middle of the lung window."""
WIDTH: Final = 1500.0
"""Hounsfield units from black to white."""

_NATIVE: Final[dict[str, tuple[bool, Order]]] = {  # implicit VR, byte order
    "1.2.840.10008.1.2": (True, "little"),
    "1.2.840.10008.1.2.1": (False, "little"),
    "1.2.840.10008.1.2.2": (False, "big"),
}
_UNDEFINED: Final = 0xFFFFFFFF  # a length
_META: Final = (False, True)  # explicit VR, little endian (PS3.10, section 7.1)
_META_GROUP, _SYNTAX = 0x0002, 0x00020010
_SAMPLES, _PHOTOMETRIC, _PLANAR, _FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
_ROWS, _COLUMNS = 0x00280010, 0x00280011
_ALLOCATED, _STORED, _HIGH, _SIGNED = 0x00280100, 0x00280101, 0x00280102, 0x00280103
_INTERCEPT, _SLOPE, _PIXELS = 0x00281052, 0x00281053, 0x7FE00010
_WANTED: Final = [
    *(_SAMPLES, _PHOTOMETRIC, _PLANAR, _FRAMES, _ROWS, _COLUMNS, _ALLOCATED, _STORED, _HIGH, _SIGNED),
    *(_INTERCEPT, _SLOPE, _PIXELS),
]
_GREY: Final = ("MONOCHROME1", "MONOCHROME2")
_BYTE: Final = 8  # bits


class _Layout(NamedTuple):
    """What the pixel module says of the pixels (PS3.3, section C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    photometric: str
    allocated: int
    """Bits of a sample in the file."""
    stored: int
    """Bits of them that count, the lower ones."""
    signed: bool
    planar: bool

    @property
    def size(self) -> int:
        """Bytes of all pixels."""
        return self.rows * self.columns * self.samples * self.allocated // _BYTE


class _Metered(io.BytesIO):
    """A file that may be read so many times: nested or tiny elements in their millions would take minutes."""

    left = _READS

    def read(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise ImageError("dicom-invalid", f"DICOM file needs more than {_READS} reads to be taken apart")
        return super().read(size)


def is_dicom(body: bytes) -> bool:
    """Say whether a body is announced as a DICOM file by its own bytes (PS3.10, section 7.1)."""
    return body[_MAGIC_AT : _MAGIC_AT + 4] == _MAGIC and not body.startswith(MAGICS)


def read_picture(body: bytes, max_pixels: int) -> NDArray[np.uint8]:
    """Return the picture in a DICOM file.

    Grey values are rescaled to Hounsfield units and shown in the lung window (PS3.3, section C.11.2.1.2.1); those of 8
    bits that are not rescaled, and colours, are a picture already and stay as they are. MONOCHROME1 is inverted.

    Args:
        body: the whole file, for which `is_dicom` holds.
        max_pixels: rows x columns may be at most this.

    Returns:
        uint8 `[rows, columns]`, or `[rows, columns, 3]`.

    Raises:
        ImageError: the file is broken, has no pixels or more than one picture, or is of a kind that is not read. The
            message holds nothing of what the file says about a patient.
    """
    values, order = _elements(body)
    layout = _layout(values, order)
    if layout.rows * layout.columns > max_pixels:
        size = f"{layout.columns}x{layout.rows}"
        raise ImageError("pixels", f"DICOM image is {size} pixels; the limit is {max_pixels} in all")
    pixels = _pixels(values, layout, order)
    if layout.samples > 1:
        return pixels.astype(np.uint8)
    shown = _shades(layout, _number(values, _SLOPE), _number(values, _INTERCEPT))[pixels]
    return 255 - shown if layout.photometric == "MONOCHROME1" else shown


def _elements(body: bytes) -> tuple[dict[int, bytes], Order]:
    """Return the raw values of the elements that are wanted, and their byte order."""
    from pydicom.filereader import data_element_generator  # noqa: PLC0415 - a quarter of a second, once, in a thread

    file = _Metered(body)
    file.seek(_MAGIC_AT + len(_MAGIC))
    try:
        meta = _taken(data_element_generator(file, *_META, stop_when=lambda tag, *_: tag >> 16 != _META_GROUP))
        implicit, order = _transfer(meta.get(_SYNTAX, b""))
        kind, last = (implicit, order == "little"), _PIXELS
        elements = data_element_generator(
            file, *kind, stop_when=lambda tag, *_: tag > last, specific_tags=list(_WANTED)
        )
        return _taken(elements), order
    except ImageError:
        raise
    except Exception as error:  # pydicom raises whatever a broken file makes it stumble over
        raise ImageError("dicom-invalid", "DICOM file cannot be taken apart; export it anew") from error


def _taken(elements: Iterable[Any]) -> dict[int, bytes]:
    """Return the values of pydicom's raw elements as they stand in the file; a sequence has none."""
    values: dict[int, bytes] = {}
    for element in elements:
        value = element.value if isinstance(element.value, bytes) else b""
        if getattr(element, "length", _UNDEFINED) not in {len(value), _UNDEFINED}:
            raise ImageError("dicom-invalid", "DICOM file ends inside an element; it was probably cut off on its way")
        values[element.tag] = value
    return values


def _transfer(syntax: bytes) -> tuple[bool, Order]:
    name = syntax.rstrip(b"\0 ").decode("ascii", "replace")
    if name not in _NATIVE:
        raise ImageError(
            "dicom-unsupported",
            "DICOM file is compressed, or of an unknown transfer syntax; export it as Explicit VR Little Endian",
        )
    return _NATIVE[name]


def _layout(values: dict[int, bytes], order: Order) -> _Layout:
    def whole(tag: int, default: int | None = None) -> int:
        value = values.get(tag, b"")
        if len(value) >= 2:  # bytes of a US
            return int.from_bytes(value[:2], order)
        if default is None:
            raise ImageError("dicom-invalid", f"DICOM file lacks the element ({tag >> 16:04X},{tag & 0xFFFF:04X})")
        return default

    frames = values.get(_FRAMES, b"").strip(b"\0 ")
    if frames not in {b"", b"1"}:
        raise ImageError("dicom-unsupported", "DICOM file has several frames; send one of them")
    if not values.get(_PIXELS):
        raise ImageError("dicom-invalid", "DICOM file has no pixel data; send the image itself")
    allocated = whole(_ALLOCATED)
    layout = _Layout(
        rows=whole(_ROWS),
        columns=whole(_COLUMNS),
        samples=whole(_SAMPLES, 1),
        photometric=values.get(_PHOTOMETRIC, b"").rstrip(b"\0 ").decode("ascii", "replace"),
        allocated=allocated,
        stored=whole(_STORED, allocated),
        signed=whole(_SIGNED, 0) == 1,
        planar=whole(_PLANAR, 0) == 1,
    )
    _check(layout, whole(_HIGH, layout.stored - 1))
    return layout


def _check(layout: _Layout, high: int) -> None:
    if not (layout.rows and layout.columns):
        raise ImageError("dicom-invalid", f"DICOM file says that it is {layout.columns}x{layout.rows} pixels")
    grey = layout.photometric in _GREY and layout.samples == 1 and layout.allocated in (_BYTE, 2 * _BYTE)
    colour = layout.photometric == "RGB" and layout.samples == 3 and layout.allocated == layout.stored == _BYTE
    if not (grey or colour):
        raise ImageError(
            "dicom-unsupported",
            f"DICOM image has {layout.samples} samples of {layout.allocated} bits, of a kind that is not read; "
            "MONOCHROME1 and MONOCHROME2 of 8 or 16 bits and RGB of 8 bits are",
        )
    if not 1 <= layout.stored <= layout.allocated or high != layout.stored - 1:
        raise ImageError(
            "dicom-unsupported", f"DICOM image has {layout.stored} bits up to bit {high} of {layout.allocated}"
        )


def _pixels(values: dict[int, bytes], layout: _Layout, order: Order) -> NDArray[np.uint16]:
    """Return the samples as they stand in the file, uint8 or uint16 `[rows, columns]` or `[rows, columns, 3]`."""
    data = values[_PIXELS]
    if not layout.size <= len(data) <= layout.size + 1:  # filled up to an even number
        raise ImageError("dicom-invalid", f"DICOM file has {len(data)} bytes of pixels; its image has {layout.size}")
    kind = np.dtype("u1" if layout.allocated == _BYTE else "<u2" if order == "little" else ">u2")
    samples = np.frombuffer(data, kind, layout.size // kind.itemsize)
    if layout.samples == 1:
        return samples.reshape(layout.rows, layout.columns)
    if layout.planar:
        return samples.reshape(layout.samples, layout.rows, layout.columns).transpose(1, 2, 0)
    return samples.reshape(layout.rows, layout.columns, layout.samples)


def _number(values: dict[int, bytes], tag: int) -> float | None:
    """Return a decimal string (PS3.5, section 6.2), None where there is none."""
    text = values.get(tag, b"").partition(b"\\")[0].strip(b"\0 ")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError as error:
        raise ImageError("dicom-invalid", "DICOM file is rescaled by something that is no number") from error
    if not math.isfinite(number):
        raise ImageError("dicom-invalid", "DICOM file is rescaled by a number that is not finite")
    return number


def _shades(layout: _Layout, slope: float | None, intercept: float | None) -> NDArray[np.uint8]:
    """Return the grey level of each value that a sample can have, uint8 `[256]` or `[65536]`."""
    raw = np.arange(1 << layout.allocated, dtype=np.int64) & (1 << layout.stored) - 1
    value = raw - ((raw >> layout.stored - 1) << layout.stored) if layout.signed else raw
    if layout.stored <= _BYTE and (slope or 1.0, intercept or 0.0) == (1.0, 0.0):
        lowest = -(1 << layout.stored - 1) if layout.signed else 0
        return ((value - lowest) * 255 // ((1 << layout.stored) - 1)).astype(np.uint8)
    if not slope or intercept is None:
        raise ImageError("dicom-invalid", "DICOM file has no rescaling to Hounsfield units; send a CT slice")
    units = value * slope + intercept
    return (np.clip((units - (CENTRE - 0.5)) / (WIDTH - 1) + 0.5, 0, 1) * 255).round().astype(np.uint8)
