"""The console in front of a gateway that wants an API key."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.settings import Settings
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import PYTHON, ROOT

APP = ROOT / "dashboard" / "app.py"
IMAGE = png(pixels(1))


@pytest.fixture(scope="module")
def key() -> tuple[str, str]:
    """Return a new key, and its line for the gateway."""
    command = [PYTHON, "-m", "gateway", "key", "console"]
    made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return made.stderr.strip(), made.stdout.strip()


@pytest.fixture(scope="module")
def locked(
    model_server: ModelServer, key: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Return a gateway that knows the key."""
    with serving_gateway(model_server.target, tmp_path_factory.mktemp("locked"), api_keys=key[1]) as gateway:
        yield gateway


def upload() -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).run()
    return app.file_uploader(key="classify.image").set_value(("slice.png", IMAGE, "image/png")).run()


def test_the_console_sends_its_key(locked: Gateway, key: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With it an image is classified; a visitor never gets to see it."""
    monkeypatch.setenv("PULMO_GATEWAY_URL", locked.url)
    monkeypatch.setenv("PULMO_API_KEY", key[0])

    app = upload()

    assert "Class" in {metric.label for metric in app.metric}
    assert key[0] not in str(app)


def test_without_a_key_the_visitor_learns_that_one_is_needed(locked: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the gateway's words. (Another spelling of the address, since the console keeps one client for each.)"""
    monkeypatch.setenv("PULMO_GATEWAY_URL", locked.url.replace("127.0.0.1", "localhost"))
    monkeypatch.delenv("PULMO_API_KEY", raising=False)

    app = upload()

    assert any("An API key is needed" in error.value for error in app.error)


def test_the_key_may_stand_in_a_file_and_is_not_shown(tmp_path: Path) -> None:
    """A key that cannot be sent is refused without being repeated."""
    file = tmp_path / "key"
    file.write_text("pulmo_canary\n")

    settings = Settings.from_env({"PULMO_API_KEY_FILE": str(file)})

    assert settings.api_key == "pulmo_canary"
    assert "canary" not in repr(settings)
    for env in ({"PULMO_API_KEY": "canary\x00"}, {"PULMO_API_KEY": "canary", "PULMO_API_KEY_FILE": str(file)}):
        with pytest.raises(ValueError, match="PULMO_API_KEY") as error:
            Settings.from_env(env)
        assert "canary" not in str(error.value)
