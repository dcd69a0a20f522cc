"""The measurements of the console, in small, against a real one."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.tests.consoles import serving_console
from tests.gateways import Gateway
from tests.processes import PYTHON, ROOT

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not on the PATH")


@pytest.fixture(scope="module")
def console_url(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_console(tmp_path_factory.mktemp("console"), gateway_url=gateway.url) as console:
        yield console.url


def measured(module: str, *options: str) -> dict[str, Any]:
    """Return the figures that a measurement prints."""
    command = [PYTHON, "-m", f"loadtests.{module}", *options]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    figures: dict[str, Any] = json.loads(ended.stdout)
    return figures


def test_open_consoles_are_measured_beside_none(gateway: Gateway, console_url: str) -> None:
    """The gateway's processor time is there for both states, and the load beside it is answered."""
    where = ["--gateway", gateway.url, "--console", console_url, "--images", str(ROOT / "data" / "samples")]

    figures = measured("consoles", *where, "--count", "2", "--rounds", "1", "--seconds", "3")

    assert figures["consoles"] == 2
    assert [len(shares) for shares in figures["rounds"].values()] == [1, 1]
    assert min(figures["cpu_without"], figures["cpu_with"]) > 0
    assert set(figures["answers"]) == {"200"}


def test_every_page_is_waited_for_until_it_is_drawn(console_url: str) -> None:
    """What is painted comes first, the whole page last."""
    figures = measured("firstpaint", "--console", console_url, "--visits", "1")

    assert len(figures) == 7
    for page, times in figures.items():
        assert 0 < times["painted_s"] <= times["drawn_s"], page
        assert times["titled_s"] <= times["drawn_s"], page
