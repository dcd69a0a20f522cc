"""`python -m dashboard` as its supervisor sees it."""

import json
import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from dashboard.__main__ import THEME
from dashboard.tests.consoles import answers, serving_console
from tests.processes import PYTHON, eventually


def test_the_console_starts_answers_and_is_gone_after_sigterm(tmp_path: Path) -> None:
    """
    The console answers its health check, and SIGTERM ends it with no child and no listener left.
    """
    with serving_console(tmp_path) as console:
        process = psutil.Process(console.running.process.pid)
        family = [process, *process.children(recursive=True)]
        os.kill(process.pid, signal.SIGTERM)
        console.running.process.wait(10)

    assert console.running.process.returncode == 0
    eventually(lambda: not any(member.is_running() for member in family), within=5, what="no process is left")
    assert not answers(console.url)
    assert "Traceback" not in console.running.output()


def test_a_wrong_address_refuses_to_start() -> None:
    """
    A setting that is no address ends the start with its name, its value and the remedy.
    """
    ended = subprocess.run(
        [PYTHON, "-m", "dashboard"],
        env={**os.environ, "PULMO_GATEWAY_URL": "gateway"},
        capture_output=True,
        check=False,
    )

    assert ended.returncode == 2
    assert b"PULMO_GATEWAY_URL='gateway'" in ended.stderr
    assert b"http://127.0.0.1:8000" in ended.stderr


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_colour_of_a_chart_judges(scheme: str) -> None:
    """
    None is red, yellow or green: no part is larger than the blue one.
    """
    colours = json.loads(THEME[f"{scheme}.chartCategoricalColors"])

    parts = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours]
    assert len(set(colours)) == 5
    assert all(blue == max(red, green, blue) for red, green, blue in parts)
