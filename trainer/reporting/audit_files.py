"""The files of an audit: report.json, the spread of the images over the classes, and a few of each to look at."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gateway.imaging import ImageSpec, decode
from trainer.config import MAX_PIXELS
from trainer.data.audit import Audit
from trainer.data.survey import Picture, Survey
from trainer.errors import RunError

_COLUMNS = 8
"""Thumbnails of each class."""
_THUMBNAIL = ImageSpec("L", 192, 192, "bilinear")
_NAME_LENGTH = 26
"""Characters of a file's name that fit below a thumbnail."""


def write(out: Path, found: Survey, judged: Audit) -> None:
    """Write report.json, classes.png and contact_sheet.png into a folder, which is made where it is missing.

    Raises:
        RunError: a file cannot be written there.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(judged), indent=2) + b"\n")
        class_distribution(judged.counts).savefig(out / "classes.png")
        contact_sheet(found.pictures).savefig(out / "contact_sheet.png")
    except OSError as error:
        raise RunError(f"the report cannot be written into {out}: {error.strerror}; name another folder") from error


def class_distribution(counts: Mapping[str, Mapping[str, int]]) -> Figure:
    """Return a bar chart of the images in each class, a bar for each split that exists.

    Args:
        counts: images by split and class.
    """
    labels = sorted({label for classes in counts.values() for label in classes})
    present = {split: classes for split, classes in counts.items() if classes}
    figure = Figure(figsize=(9, 1.5 + 0.8 * len(labels)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    height = 0.8 / max(1, len(present))
    for number, (split, classes) in enumerate(present.items()):
        places = np.arange(len(labels)) + (number - (len(present) - 1) / 2) * height
        bars = axes.barh(places, [classes.get(label, 0) for label in labels], height, label=split)
        axes.bar_label(bars, padding=3)
    axes.set_yticks(np.arange(len(labels)), labels, parse_math=False)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("images")
    if present:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def contact_sheet(pictures: Sequence[Picture]) -> Figure:
    """Return a sheet with a row for each class: images at even steps through its files, squeezed to squares."""
    labels = sorted({picture.label for picture in pictures})
    figure = Figure(figsize=(1.6 * _COLUMNS, 2.3 * max(1, len(labels))), dpi=100, layout="constrained")
    rows = figure.subfigures(max(1, len(labels)), 1, squeeze=False)[:, 0]
    for label, row in zip(labels, rows, strict=False):  # a set without a class has one empty row
        of_class = [picture for picture in pictures if picture.label == label]
        row.suptitle(f"{label}: {len(of_class)} images", x=0.004, ha="left", fontsize=11, parse_math=False)
        places = np.unique(np.linspace(0, len(of_class) - 1, _COLUMNS).astype(int))
        for column, place in enumerate(places):
            _draw(row.add_subplot(1, _COLUMNS, column + 1), of_class[place])
    return figure


def _draw(axes: Axes, picture: Picture) -> None:
    thumbnail = decode(picture.path.read_bytes(), _THUMBNAIL, MAX_PIXELS)
    axes.imshow(thumbnail[..., 0], cmap="gray", vmin=0, vmax=255)
    name = picture.path.name
    name = name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"
    below: dict[str, Any] = {"ha": "center", "va": "top", "transform": axes.transAxes, "parse_math": False}
    axes.text(0.5, -0.03, f"{picture.split}\n{name}", fontsize=7, **below)
    axes.set_axis_off()
