"""What is known of versions, in words and tables."""

import math
from pathlib import Path

import msgspec
import pytest

from dashboard.client.messages import Curves, ModelEntry
from dashboard.golden import MOST, GoldenSetMissing, of_folder
from dashboard.live import drifted, read_live, shadowed
from dashboard.measures import figures, side_by_side
from dashboard.validation import area, confused, ranked, relied

EXPOSITION = """
# TYPE gateway_drift_psi gauge
gateway_drift_psi{version="2",feature="class"} 0.1
gateway_drift_psi{version="2",feature="mean"} 0.31
gateway_drift_psi{version="1",feature="mean"} 0.02
# TYPE gateway_drift_images gauge
gateway_drift_images{version="2"} 500.0
gateway_drift_images{version="1"} 40.0
# TYPE gateway_shadow_comparisons_total counter
gateway_shadow_comparisons_total{outcome="agree"} 30.0
gateway_shadow_comparisons_total{outcome="disagree"} 10.0
gateway_shadow_comparisons_total{outcome="dropped"} 5.0
"""
CURVES = msgspec.convert(
    {
        "confusion": [[9, 1], [2, 8]],
        "reliability": [{"low": 0.6, "high": 0.8, "images": 20, "confidence": 0.7, "accuracy": 0.85}],
        "roc": [[[0.0, 0.0], [0.0, 0.5], [1.0, 1.0]], []],
    },
    Curves,
)
ENTRY = ModelEntry(2, "AVAILABLE", labels=["a", "normal"], curves=CURVES)


def test_drift_is_told_of_the_feature_that_differs_most() -> None:
    """
    And whether that is another population.
    """
    live = read_live(EXPOSITION)

    assert drifted(live, 2) == "0.31 (mean): another population; 500 images"
    assert drifted(live, 1) == "0.02 (mean): as usual; 40 images"
    assert drifted(live, 3) == "no data"


def test_a_shadow_is_told_by_how_often_it_named_another_class() -> None:
    assert "40 images were put to a shadow too; it named another class for 10 of them (25.0 %)" in shadowed(
        read_live(EXPOSITION)
    )
    assert shadowed(read_live("")) == ""


def test_what_is_no_number_is_no_measure() -> None:
    """
    The rest is in the order of the known ones, whatever a manifest says.
    """
    measured = {"zeta": 1, "loss": 0.5, "accuracy": 0.9, "note": "fine", "passed": True, "odd": math.nan}

    assert figures(measured) == {"accuracy": 0.9, "loss": 0.5, "zeta": 1.0}


def test_shares_are_compared_in_points_and_the_rest_as_it_is() -> None:
    first = ModelEntry(1, "AVAILABLE", metrics={"accuracy": 0.9, "loss": 0.5})
    second = ModelEntry(2, "AVAILABLE", metrics={"accuracy": 0.88, "loss": 0.25, "*new*": 3})

    table = side_by_side(first, second)

    assert table["Measure"] == ["Accuracy", "Cross-entropy, nats", r"\*new\*"]
    assert table["Version 2"] == ["88.0 %", "0.250", "3.000"]
    assert table["Difference"] == ["-2.0 points", "-0.250", "no data"]


def test_every_picture_is_told_in_words_too() -> None:
    """
    The numbers that it shows, for those who do not see it.
    """
    assert confused(ENTRY, CURVES) == "Confusion matrix of version 2. Right: 9 of 10 a, 8 of 10 normal"
    assert ranked(ENTRY, CURVES) == "ROC curves of version 2, each class against the rest. Area: 0.750 for a"
    assert relied(2, CURVES.reliability) == "Version 2: 85 % right where it was 70 % sure"


def test_the_area_under_a_curve_of_chance_is_a_half() -> None:
    assert area([(0.0, 0.0), (1.0, 1.0)]) == 0.5
    assert area([(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]) == 1.0


def test_a_golden_set_is_bounded_and_in_the_order_of_names(tmp_path: Path) -> None:
    """
    Folders in it are read too, and what is no image by its name is passed over.
    """
    for number in range(MOST + 5):
        (tmp_path / f"{number:03}.png").write_bytes(b"x")
    (tmp_path / "000").mkdir()
    (tmp_path / "000" / "first.dcm").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("")

    names = [image.name for image in of_folder(tmp_path).read()]

    assert names[:2] == ["000/first.dcm", "000.png"]
    assert len(names) == MOST


def test_a_folder_that_holds_no_image_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(GoldenSetMissing, match=r"holds no image; .* PULMO_GOLDEN_SET"):
        of_folder(tmp_path).read()
