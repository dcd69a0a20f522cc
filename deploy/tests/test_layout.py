"""Where a local run has its ports from."""

from pathlib import Path

import pytest

from deploy.local.layout import Layout, LayoutError


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    """As in the gateway, whose port it is."""
    (tmp_path / "pulmo.toml").write_text("port = 8080\n")

    assert Layout.read({}, tmp_path).gateway == "http://127.0.0.1:8080"
    assert Layout.read({"PULMO_PORT": "8081"}, tmp_path).gateway == "http://127.0.0.1:8081"
    assert Layout.read({}, tmp_path / "elsewhere").console == "http://127.0.0.1:8501"


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1", ""])
def test_what_is_no_port_is_named(value: str, tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(LayoutError, match="PULMO_CONSOLE_PORT is"):
        Layout.read({"PULMO_CONSOLE_PORT": value}, tmp_path)


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    """With its path."""
    (tmp_path / "pulmo.toml").write_text("port: 8080\n")

    with pytest.raises(LayoutError, match=r"pulmo\.toml is not TOML"):
        Layout.read({}, tmp_path)
