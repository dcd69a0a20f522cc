"""Pictures of panels: what Prometheus answers becomes arrays, and a real one's answers become files."""

import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from monitoring.dashboards.panel import Panel, Query, above
from monitoring.pictures.__main__ import main, moment
from monitoring.pictures.key import KEY, Picture
from monitoring.pictures.series import Series, cells, last, lines
from monitoring.pictures.span import POINTS, Span
from monitoring.pictures.tiles import FILLS, judged
from monitoring.pictures.units import written
from monitoring.tests.mixedload import Watched
from tests.processes import PYTHON, ROOT, free_port

pytestmark = pytest.mark.timeout(900)  # for the mixed load

SPAN = Span(begin=100, end=130, scrape_s=10)
MOST_BYTES = 200_000
COLOURFUL = 60  # between the channels of a pixel, of 255
PIXELS = 1000
DRAWN = {"timeseries", "heatmap", "stat"}


def test_what_is_missing_in_an_answer_is_a_gap() -> None:
    """
    Prometheus leaves out moments without a value; the line has all moments, and NaN at those.
    """
    answer: list[Series] = [
        {"metric": {"code": "b"}, "values": [(100, "1"), (130, "4")]},
        {"metric": {"code": "a"}, "values": [(110, "NaN"), (120, "3")]},
    ]

    found = lines(answer, "code {{code}}", SPAN)

    assert [line.name for line in found] == ["code a", "code b"]
    np.testing.assert_array_equal(found[0].values, [np.nan, np.nan, 3, np.nan])
    np.testing.assert_array_equal(found[1].values, [1, np.nan, np.nan, 4])


def test_a_heat_map_counts_what_cumulative_buckets_hold() -> None:
    """
    Each bucket holds those below it too; empty ones at both ends are left out, and none is less than empty.
    """
    heights = {"+Inf": (5, 5), "0.1": (0, 0), "10": (5, 5), "1": (2, 6)}  # a bucket of the second moment ran ahead
    answer: list[Series] = [
        {"metric": {"le": le}, "values": [(100, str(first)), (110, str(second))]}
        for le, (first, second) in heights.items()
    ]

    found = cells(answer, Span(100, 110, 10))

    assert found.bounds == [1, 10]
    np.testing.assert_array_equal(found.counts, [[2, 6], [3, 0]])


def test_nothing_observed_is_an_empty_heat_map() -> None:
    """
    Also where there is no series at all.
    """
    assert cells([], SPAN).bounds == []
    assert cells([{"metric": {"le": "1"}, "values": [(100, "0")]}], SPAN).bounds == []


@pytest.mark.parametrize(
    ("seconds", "step_s", "window"),
    [(60, 5, "20000ms"), (5 * POINTS, 5, "20000ms"), (3600, 15, "20000ms"), (86400, 360, "365000ms")],
)
def test_steps_and_windows_are_grafanas(seconds: float, step_s: float, window: str) -> None:
    """
    A step is whole scrapes and lines have a bounded number of points; a rate looks back four scrapes at least.
    """
    span = Span(0, seconds, 5)

    assert (span.step_s, span.window) == (step_s, window)
    assert len(span.times) <= POINTS + 1


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "s", "12.3 ms"),
        (0.0000125, "s", "12.5 µs"),
        (0, "s", "0 s"),
        (90, "s", "1.5 min"),
        (1500, "µs", "1.5 ms"),
        (0.125, "percentunit", "12.5 %"),
        (3 * 2**29, "bytes", "1.5 GiB"),
        (1234, "reqps", "1.23k req/s"),
        (2, "suffix: images/s", "2 images/s"),
        (7, "none", "7"),
        (math.nan, "s", ""),
    ],
)
def test_values_are_written_in_their_unit(value: float, unit: str, text: str) -> None:
    """
    Three digits, and a size that people say.
    """
    assert written(value, unit) == text


def test_a_unit_that_is_not_known_is_named() -> None:
    """
    With those that are.
    """
    with pytest.raises(LookupError, match="the unit 'furlong'; those known are"):
        written(1, "furlong")


@pytest.mark.parametrize(
    ("value", "text", "colour"), [(0.001, "0.1 %", "green"), (0.01, "1 %", "orange"), (0.5, "50 %", "red")]
)
def test_a_tile_has_the_colour_of_its_judgement(value: float, text: str, colour: str) -> None:
    """
    A step holds from its value on.
    """
    panel = Panel(title="t", describe="d.", queries=(Query("q", "q"),), unit="percentunit", steps=above(0.01, 0.05))

    assert judged(panel, "", value) == (text, FILLS[colour])


def test_a_tile_without_a_value_says_so() -> None:
    """
    In words and in grey; a state is told by its name.
    """
    panel = Panel(title="t", describe="d.", queries=(Query("q", "q"),), unit="s", mappings={"1": ("Ready", "green")})

    assert judged(panel, *last([], "q")) == ("no traffic", FILLS["#6e6e6e"])
    assert judged(panel, *last([({}, math.nan), ({}, 1)], "q")) == ("Ready", FILLS["green"])


@pytest.mark.parametrize("picture", KEY, ids=lambda picture: picture.name)
def test_every_panel_of_a_picture_can_be_drawn(picture: Picture) -> None:
    """
    It is on its dashboard, of a kind that is drawn, and in a unit that is known.
    """
    panels = picture.panels()

    assert panels
    assert {panel.kind for panel in panels} <= DRAWN
    assert all(written(1, panel.unit) for panel in panels)


def test_a_panel_that_is_not_there_is_named() -> None:
    """
    With the dashboard that was looked through.
    """
    with pytest.raises(LookupError, match="the dashboard 'overview' has no panel 'Nothing'"):
        Picture("p", "overview", ("Nothing",)).panels()


@pytest.mark.parametrize("text", ["1767268800", "2026-01-01T12:00:00Z", "2026-01-01T12:00", "2026-01-01T13:00+01:00"])
def test_moments_are_iso_8601_or_seconds(text: str) -> None:
    """
    Without a zone they are in UTC.
    """
    assert moment(text) == 1767268800


def test_the_scrape_interval_is_that_of_our_configuration() -> None:
    """
    So that nobody needs to name it.
    """
    config = yaml.safe_load((ROOT / "monitoring" / "prometheus.yml").read_text())
    help_text = subprocess.run(
        [PYTHON, "-m", "monitoring.pictures", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert f"(default {config['global']['scrape_interval'].removesuffix('s')})" in help_text


def test_without_prometheus_nothing_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    The message says who did not answer.
    """
    url = f"http://127.0.0.1:{free_port()}"

    assert main(["--prometheus", url, "--from", "0", "--to", "60", "--out", str(tmp_path)]) == 1
    assert f"{url} does not answer as Prometheus does" in capsys.readouterr().err


def test_what_is_no_prometheus_is_said_to_refuse(
    gateway_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Also where it answers, as a gateway does whose address was given by mistake.
    """
    assert main(["--prometheus", gateway_url, "--from", "0", "--to", "60", "--out", str(tmp_path)]) == 1
    assert f"{gateway_url} refuses" in capsys.readouterr().err


def test_a_span_that_ends_before_it_begins_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """
    With both moments.
    """
    with pytest.raises(SystemExit):
        main(["--from", "60", "--to", "0"])

    assert "--from is 60 and --to 0; the span must end after it begins" in capsys.readouterr().err


def test_the_key_panels_of_a_load_are_drawn(watched: Watched, tmp_path: Path) -> None:
    """
    Small files, and each shows something: more than a frame and a title would have.
    """
    span = ("--from", str(watched.begin), "--to", str(watched.end), "--scrape-s", "1")
    url = watched.deployment.prometheus_url

    assert main(["--prometheus", url, *span, "--out", str(tmp_path)]) == 0

    assert {file.stem for file in tmp_path.iterdir()} == {picture.name for picture in KEY}
    for file in tmp_path.iterdir():
        assert file.stat().st_size < MOST_BYTES
        with Image.open(file) as image:
            assert image.width == 1320
            shown = np.asarray(image.convert("RGB"), np.int16)
        assert np.sum(np.ptp(shown, axis=2) > COLOURFUL) > PIXELS
