"""The measurement of open consoles, in small, against real ones."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dashboard.tests.consoles import serving_console
from tests.gateways import Gateway
from tests.processes import PYTHON, ROOT


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not on the PATH")
def test_open_consoles_are_measured_beside_none(gateway: Gateway, tmp_path: Path) -> None:
    """The gateway's processor time is there for both states, and the load beside it is answered."""
    with serving_console(tmp_path, gateway_url=gateway.url) as console:
        where = ["--gateway", gateway.url, "--console", console.url, "--images", str(ROOT / "data" / "samples")]
        ended = subprocess.run(
            [PYTHON, "-m", "loadtests.consoles", *where, "--count", "2", "--rounds", "1", "--seconds", "3"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert figures["consoles"] == 2
    assert [len(shares) for shares in figures["rounds"].values()] == [1, 1]
    assert min(figures["cpu_without"], figures["cpu_with"]) > 0
    assert set(figures["answers"]) == {"200"}
