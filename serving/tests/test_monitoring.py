"""Whether and where metrics are shown."""

from pathlib import Path

import pytest

from serving.monitoring import metrics_path
from serving.settings import SettingsError
from tests.processes import ROOT


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('prometheus_config { enable: true path: "/x" }', "/x"),
        ("prometheus_config: <enable: true>", "/monitoring/prometheus/metrics"),
        ('prometheus_config { enable: false path: "/x" }', None),
        ("", None),
    ],
)
def test_the_file_says_where(tmp_path: Path, text: str, path: str | None) -> None:
    file = tmp_path / "monitoring.config"
    file.write_text(text)

    assert metrics_path(str(file)) == path


def test_without_a_file_no_metrics_are_shown() -> None:
    assert metrics_path("") is None


def test_the_file_that_comes_with_the_server_enables_them() -> None:
    assert metrics_path(str(ROOT / "serving/config/monitoring.config")) == "/monitoring/prometheus/metrics"


@pytest.mark.parametrize("content", [b"prometheus {}", b"\xff", b'prometheus_config { enable: true path: "x" }'])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "monitoring.config"
    file.write_bytes(content)

    with pytest.raises(SettingsError, match=f"--monitoring_config_file={file} cannot be used: "):
        metrics_path(str(file))


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match=r"No such file.*; write: prometheus_config \{ enable: true path"):
        metrics_path("/nowhere")
