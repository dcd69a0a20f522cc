"""Phantoms: drawings that look a little like axial CT slices of a chest, to try everything without patients.

They are drawings. They carry no medical meaning: what they show of a disease was invented for a network to tell apart,
and a model that was trained on them says nothing about anybody's lungs.
"""

import math
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter

from trainer.errors import RunError

Kind = Literal["adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SPLITS = ("train", "valid", "test")

_TAU = 2 * math.pi
_RGBA_SHARE = 0.5


def write_phantoms(out: Path, per_class: int, seed: int) -> int:
    """Draw a data set: `out/{train,valid,test}/<class>/<number>.png`, the same bytes for the same arguments.

    Args:
        out: a folder that does not exist, or is empty.
        per_class: images of each class in `train`; `valid` and `test` get a quarter of it, at least one.
        seed: of the drawings; an image depends on it, its split, its class and its number, and on nothing else.

    Returns:
        The number of images written.

    Raises:
        RunError: `out` holds something already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{out} exists and is not an empty folder; name another one, or remove it")
    written = 0
    for s, split in enumerate(SPLITS):
        count = per_class if split == "train" else max(1, per_class // 4)
        for k, kind in enumerate(KINDS):
            folder = out / split / kind
            folder.mkdir(parents=True)
            for number in range(1, count + 1):
                image = draw(kind, np.random.default_rng([seed, s, k, number]))
                image.save(folder / f"{number:04d}.png", compress_level=1)
            written += count
    return written


def draw(kind: Kind, rng: Generator) -> Image.Image:
    """Draw one slice, 256 to 420 pixels wide, mode `L` or (half of them) `RGBA`."""
    slice_ = _Slice(rng)
    slice_.draw_body()
    slice_.draw_lungs()
    slice_.draw_mediastinum()
    _LESIONS[kind](slice_)
    image = slice_.finish()
    return image.convert("RGBA") if rng.random() < _RGBA_SHARE else image


class _Slice:
    """One slice while it is drawn; coordinates are shares of the body's half axes from its middle, y downwards."""

    def __init__(self, rng: Generator) -> None:
        self.rng = rng
        self.width = int(rng.integers(256, 421))
        self.height = int(np.clip(self.width * rng.uniform(0.72, 0.95), 256, 420))
        self.image = Image.new("L", (self.width, self.height), 0)
        self._pen = ImageDraw.Draw(self.image)
        self._centre = self.width * (0.5 + rng.uniform(-0.02, 0.02)), self.height * (0.5 + rng.uniform(-0.02, 0.02))
        self._half = self.width * rng.uniform(0.44, 0.48), self.height * rng.uniform(0.43, 0.48)
        self.tissue = int(rng.integers(150, 190))
        self.air = int(rng.integers(18, 40))

    def draw_body(self) -> None:
        """Skin, fat, muscle, and ribs around where the lungs will be."""
        self.oval(0, 0, 1, 1, self.tissue)
        self.oval(0, 0, 0.97, 0.96, self.tissue - 60)
        self.oval(0, 0.01, 0.90, 0.88, self.tissue - 10)
        for angle in np.arange(0.2, _TAU, _TAU / 14) + self.rng.uniform(0, 0.3):
            self.oval(0.83 * math.cos(angle), 0.80 * math.sin(angle), 0.055, 0.035, 235)

    def draw_lungs(self) -> None:
        """Two dark lungs with vessels that branch outwards from the hilum."""
        for side in (-1, 1):
            height = self.rng.uniform(0.60, 0.68)
            self.oval(side * 0.43, 0.0, 0.335, height, self.air)
            for _ in range(int(self.rng.integers(7, 12))):
                self._branch(
                    side * 0.17, self.rng.uniform(-0.1, 0.15), self._outwards(side), self.rng.uniform(2, 3.4), 3
                )

    def draw_mediastinum(self) -> None:
        """Heart, great vessels, windpipe and spine."""
        self.oval(0, -0.05, 0.16, 0.55, self.tissue)
        self.oval(0.16 + self.rng.uniform(-0.03, 0.05), -0.18, 0.25, self.rng.uniform(0.26, 0.36), self.tissue + 12)
        self.oval(0.10, 0.36, 0.075, 0.095, self.tissue + 15)
        for side in (-1, 1):
            self.oval(side * 0.10, 0.12, 0.032, 0.040, self.air)
        self.oval(0, 0.62, 0.14, 0.15, 230)
        self.oval(0, 0.80, 0.20, 0.05, 225)
        self.oval(0, 0.71, 0.05, 0.055, self.tissue - 40)

    def draw_nodule(self) -> None:
        """Adenocarcinoma: a small nodule with spicules in the outer part of a lung."""
        side, radius = self._side(), self.rng.uniform(0.06, 0.085)
        x, y = side * self.rng.uniform(0.54, 0.62), self.rng.uniform(-0.3, 0.3)
        for angle in np.arange(0, _TAU, _TAU / 11) + self.rng.uniform(0, 0.5):
            reach = radius * self.rng.uniform(1.5, 2.3)
            self.line((x, y), (x + reach * math.cos(angle), y + reach * math.sin(angle)), 1.3, self.tissue - 20)
        self._blob(x, y, radius, self.tissue + 10, roughness=0.12)

    def draw_mass(self) -> None:
        """Large cell carcinoma: a large mass that leans on the chest wall."""
        side, radius = self._side(), self.rng.uniform(0.18, 0.25)
        self._blob(
            side * self.rng.uniform(0.56, 0.62), self.rng.uniform(-0.25, 0.28), radius, self.tissue + 5, roughness=0.1
        )

    def draw_cavity(self) -> None:
        """Squamous cell carcinoma: a mass at the hilum with a dark cavity."""
        side, radius = self._side(), self.rng.uniform(0.15, 0.20)
        x, y = side * self.rng.uniform(0.27, 0.33), self.rng.uniform(-0.05, 0.2)
        self._blob(x, y, radius, self.tissue + 8, roughness=0.12)
        self._blob(x, y, radius * self.rng.uniform(0.42, 0.55), self.air + 5, roughness=0.2)

    def draw_nothing(self) -> None:
        """Leave the slice as it is: no lesion."""

    def finish(self) -> Image.Image:
        """Soften the edges as a scanner does, and add its noise."""
        soft = np.asarray(self.image.filter(ImageFilter.GaussianBlur(self.rng.uniform(0.7, 1.1))), np.float32)
        noise = self.rng.standard_normal(soft.shape, np.float32) * self.rng.uniform(3, 8)
        gain = self.rng.uniform(0.92, 1.06)
        return Image.fromarray(np.clip(soft * gain + noise, 0, 255).astype(np.uint8))

    def oval(self, x: float, y: float, half_width: float, half_height: float, grey: int) -> None:
        (left, top), (right, bottom) = (
            self._at(x - half_width, y - half_height),
            self._at(x + half_width, y + half_height),
        )
        self._pen.ellipse((left, top, right, bottom), fill=grey)

    def line(self, start: tuple[float, float], end: tuple[float, float], pixels: float, grey: int) -> None:
        self._pen.line((*self._at(*start), *self._at(*end)), fill=grey, width=max(1, round(pixels)))

    def _blob(self, x: float, y: float, radius: float, grey: int, *, roughness: float) -> None:
        angles = np.arange(0, _TAU, _TAU / 24)
        reach = radius * (1 + roughness * self.rng.uniform(-1, 1, angles.size))
        aspect = self._half[0] / self._half[1]
        points = [
            self._at(x + r * math.cos(a), y + aspect * r * math.sin(a)) for r, a in zip(reach, angles, strict=True)
        ]
        self._pen.polygon(points, fill=grey)

    def _branch(self, x: float, y: float, angle: float, pixels: float, depth: int) -> None:
        length = self.rng.uniform(0.10, 0.17)
        end = x + length * math.cos(angle), y + length * math.sin(angle)
        if not depth or (abs(end[0]) - 0.43) ** 2 / 0.30**2 + end[1] ** 2 / 0.58**2 > 1:
            return
        self.line((x, y), end, pixels, self.tissue - 45)
        for turn in (-0.4, 0.4):
            self._branch(*end, angle + turn + self.rng.uniform(-0.25, 0.25), pixels * 0.7, depth - 1)

    def _outwards(self, side: int) -> float:
        angle = float(self.rng.uniform(-1.2, 1.2))
        return angle if side > 0 else math.pi - angle

    def _side(self) -> int:
        return -1 if self.rng.random() < 0.5 else 1

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return self._centre[0] + x * self._half[0], self._centre[1] + y * self._half[1]


_LESIONS = {
    "adenocarcinoma": _Slice.draw_nodule,
    "large.cell.carcinoma": _Slice.draw_mass,
    "normal": _Slice.draw_nothing,
    "squamous.cell.carcinoma": _Slice.draw_cavity,
}
