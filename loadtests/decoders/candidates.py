"""The libraries that are compared. What an environment lacks is named, never left out."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gateway.imaging import ImageSpec, decode
from gateway.png import rewrite

Task = Literal["PNG to pixels", "JPEG to pixels", "PNG to row", "JPEG to row", "pixels to row"]
Pixels = NDArray[np.uint8]
Call = Callable[[Any], Pixels]

SIDE: Final = 224  # pixels: what the reference network takes
_SPEC: Final = ImageSpec("RGB", SIDE, SIDE, "bilinear")
_MAX_PIXELS: Final = 1 << 24
_ABSENT: Final = (ImportError, AttributeError, OSError, RuntimeError)


@dataclass(frozen=True)
class Candidate:
    """One way to do a task."""

    task: Task
    name: str
    call: Call
    """A file's bytes to uint8 `[height, width, channels]`; for `pixels to row`, RGB pixels to `[224, 224, 3]`."""


@dataclass(frozen=True)
class Missing:
    """A way that this environment lacks."""

    task: Task
    name: str
    why: str


def candidates() -> Iterator[Candidate | Missing]:
    """Yield every way that is known; the first of each task is what the others are compared with."""
    for task, name, make in _MAKERS:
        try:
            yield Candidate(task, name(), make())
        except _ABSENT as error:
            yield Missing(task, name(), f"{type(error).__name__}: {error}".splitlines()[0])


def attempt(candidate: Candidate, sample: bytes | Pixels) -> Missing | None:
    """Try a candidate once: some say only then that their library was built without the decoder."""
    try:
        candidate.call(sample)
    except _ABSENT as error:
        return Missing(candidate.task, candidate.name, f"{type(error).__name__}: {error}".splitlines()[0])
    return None


def _imagecodecs(function: str) -> Call:
    return getattr(import_module("imagecodecs"), function)  # type: ignore[no-any-return]


def _rewritten() -> Call:
    png_decode = _imagecodecs("png_decode")
    return lambda body: png_decode(rewrite(body))


def _opencv() -> Call:
    cv2 = import_module("cv2")
    cv2.setNumThreads(1)
    return lambda body: cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR_RGB)


def _pillow() -> Call:
    return lambda body: np.asarray(Image.open(io.BytesIO(body)))


def _pyvips() -> Call:
    pyvips = import_module("pyvips")
    pyvips.cache_set_max(0)
    return lambda body: pyvips.Image.new_from_buffer(body, "").numpy()


def _kornia() -> Call:
    png = import_module("kornia_rs.kornia_rs").io.decode_image_png_u8
    channels = {2: "rgb", 6: "rgba"}  # by the PNG's colour type

    def call(body: bytes) -> Pixels:
        width, height = int.from_bytes(body[16:20], "big"), int.from_bytes(body[20:24], "big")
        return png(body, (height, width), channels[body[25]])  # type: ignore[no-any-return]

    return call


def _pyspng() -> Call:
    return import_module("pyspng").load  # type: ignore[no-any-return]


def _turbojpeg() -> Call:
    return import_module("turbojpeg").TurboJPEG().decode  # type: ignore[no-any-return]


def _simplejpeg(least: int) -> Call:
    decode_jpeg = import_module("simplejpeg").decode_jpeg
    return partial(decode_jpeg, colorspace="RGB", min_height=least, min_width=least)


def _draft(body: bytes) -> Pixels:
    image = Image.open(io.BytesIO(body))
    image.draft("RGB", (SIDE, SIDE))
    return np.asarray(image)


def _ours() -> Call:
    return lambda body: decode(body, _SPEC, _MAX_PIXELS)


def _pil_resize() -> Call:
    return lambda pixels: np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def _opencv_resize(interpolation: str) -> Call:
    cv2 = import_module("cv2")
    cv2.setNumThreads(1)
    return partial(cv2.resize, dsize=(SIDE, SIDE), interpolation=getattr(cv2, interpolation))


def _named(label: str, package: str) -> Callable[[], str]:
    def name() -> str:
        try:
            return label.format(version(package))
        except PackageNotFoundError:
            return label.replace(" {}", "")

    return name


def _pil(label: str = "") -> Callable[[], str]:
    found = next(p for p in ("pillow-simd", "pillow") if _installed(p))
    return _named(("Pillow-SIMD {}" if found == "pillow-simd" else "Pillow {}") + label, found)


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


_CODECS: Final = "imagecodecs {}, "
_MAKERS: Final[tuple[tuple[Task, Callable[[], str], Callable[[], Call]], ...]] = (
    ("PNG to pixels", _named(_CODECS + "libpng", "imagecodecs"), partial(_imagecodecs, "png_decode")),
    ("PNG to pixels", _named(_CODECS + "libdeflate, then libpng (gateway.png)", "imagecodecs"), _rewritten),
    ("PNG to pixels", _named(_CODECS + "libspng", "imagecodecs"), partial(_imagecodecs, "spng_decode")),
    ("PNG to pixels", _named("pyspng {}", "pyspng"), _pyspng),
    ("PNG to pixels", _pil(), _pillow),
    ("PNG to pixels", _named("opencv-python-headless {}", "opencv-python-headless"), _opencv),
    ("PNG to pixels", _named("pyvips-binary {}", "pyvips-binary"), _pyvips),
    ("PNG to pixels", _named("kornia-rs {}", "kornia-rs"), _kornia),
    ("JPEG to pixels", _named("simplejpeg {}", "simplejpeg"), partial(_simplejpeg, 0)),
    ("JPEG to pixels", _named("simplejpeg {}, DCT scaling", "simplejpeg"), partial(_simplejpeg, SIDE)),
    ("JPEG to pixels", _named(_CODECS + "libjpeg-turbo", "imagecodecs"), partial(_imagecodecs, "jpeg8_decode")),
    ("JPEG to pixels", _named(_CODECS + "mozjpeg", "imagecodecs"), partial(_imagecodecs, "mozjpeg_decode")),
    ("JPEG to pixels", _pil(), _pillow),
    ("JPEG to pixels", _pil(", DCT scaling"), lambda: _draft),
    ("JPEG to pixels", _named("opencv-python-headless {}", "opencv-python-headless"), _opencv),
    ("JPEG to pixels", _named("PyTurboJPEG {}", "PyTurboJPEG"), _turbojpeg),
    ("PNG to row", _pil(", gateway.imaging.decode"), _ours),
    ("JPEG to row", _pil(", gateway.imaging.decode"), _ours),
    ("pixels to row", _pil(", bilinear"), _pil_resize),
    (
        "pixels to row",
        _named("opencv-python-headless {}, INTER_AREA", "opencv-python-headless"),
        partial(_opencv_resize, "INTER_AREA"),
    ),
    (
        "pixels to row",
        _named("opencv-python-headless {}, INTER_LINEAR (not antialiased)", "opencv-python-headless"),
        partial(_opencv_resize, "INTER_LINEAR"),
    ),
)
