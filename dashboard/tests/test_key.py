"""The console in front of a gateway that wants an API key: the console's own, or the visitor's."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.settings import Settings
from dashboard.tests.visits import APP, go, press, text
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import PYTHON, ROOT

IMAGE = png(pixels(1))


@pytest.fixture(scope="module")
def keys() -> dict[str, tuple[str, str]]:
    """Return a new key for each scope, and its line for the gateway."""
    return {scope: new_key(scope) for scope in ("predict", "operate")}


def new_key(scope: str) -> tuple[str, str]:
    command = [PYTHON, "-m", "gateway", "key", "console", "--scope", scope]
    made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return made.stderr.strip(), made.stdout.strip()


@pytest.fixture(scope="module")
def locked(
    model_server: ModelServer, keys: dict[str, tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Return a gateway that knows the keys."""
    lines = " ".join(line for _, line in keys.values())
    with serving_gateway(model_server.target, tmp_path_factory.mktemp("locked"), api_keys=lines) as gateway:
        yield gateway


@pytest.fixture
def app(locked: Gateway, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """Return the console as a visitor without a key finds it."""
    monkeypatch.setenv("PULMO_GATEWAY_URL", locked.url)
    monkeypatch.delenv("PULMO_API_KEY", raising=False)
    return AppTest.from_file(APP, default_timeout=60)


def sign_in(app: AppTest, key: str) -> AppTest:
    app.text_input(key="access.key").input(key)
    return press(app, "Sign in")


def test_the_console_sends_its_key(
    app: AppTest, keys: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it an image is classified; a visitor never gets to see it."""
    key = keys["operate"][0]
    monkeypatch.setenv("PULMO_API_KEY", key)

    go(app, "classify")
    app.file_uploader(key="classify.images").set_value([("slice.png", IMAGE, "image/png")]).run()

    assert "Class" in {metric.label for metric in app.metric}
    assert key not in str(app)


def test_without_a_key_a_visitor_is_asked_for_one(app: AppTest) -> None:
    """Nothing else is shown, and no problem."""
    app.run()

    assert [title.value for title in app.title] == ["Access"]
    assert "answers to API keys only" in text(app)
    assert not app.exception
    assert not app.error
    assert not app.warning


def test_a_visitor_signs_in_and_out(app: AppTest, keys: dict[str, tuple[str, str]]) -> None:
    """A key opens the pages; after signing out they are closed, and the key is nowhere on the page or in the URL."""
    key = keys["operate"][0]

    sign_in(app.run(), key)

    assert [title.value for title in app.title] != ["Access"]
    assert not app.error
    assert key not in str(app)
    assert key not in str(app.query_params)

    go(app, "access")
    press(app, "Sign out")

    assert "answers to API keys only" in text(app)
    assert [title.value for title in go(app, "history").title] == ["Access"]


def test_a_change_is_audited_with_the_name_of_the_visitors_key(
    locked: Gateway, app: AppTest, keys: dict[str, tuple[str, str]]
) -> None:
    """Who has signed in need not say who they are; a key for predictions does not open the page at all."""
    key = keys["operate"][0]
    sign_in(app.run(), key)

    press(go(app, "models"), "Review the change")
    app.text_input(key="routing.why").input("as ever")
    press(app, "Confirm")

    headers = {"Authorization": f"Bearer {key}"}
    state = httpx.get(f"{locked.url}/models/route", headers=headers).json()
    assert (state["caller"], state["reason"]) == ("console", "as ever")
    assert "Set by console on " in text(app)

    press(go(app, "access"), "Sign out")
    sign_in(app.run(), keys["predict"][0])
    assert "Models" not in [title.value for title in go(app, "models").title]


@pytest.mark.parametrize(
    "key", ["pulmo_unknown", "canary\x00", "", "x" * 1000], ids=["unknown", "NUL", "empty", "long"]
)
def test_a_key_that_is_none_opens_nothing(app: AppTest, key: str) -> None:
    """The visitor is told so, without the key being repeated."""
    sign_in(app.run(), key)

    assert "does not know this key" in text(app)
    assert not key or key not in text(app)
    assert [title.value for title in app.title] == ["Access"]


def test_a_key_for_predictions_shows_what_it_is_good_for(app: AppTest, keys: dict[str, tuple[str, str]]) -> None:
    """The page that tells what a key may do says how to get at the rest."""
    sign_in(app.run(), keys["predict"][0])

    go(app, "access")

    assert "You may classify images" in text(app)
    assert not app.error


@pytest.mark.parametrize("page", ["train", "load"])
def test_what_changes_the_service_is_not_there_for_others(
    page: str, app: AppTest, keys: dict[str, tuple[str, str]]
) -> None:
    """A key for predictions opens no page that trains or loads, also by its address; one that may operate does."""
    sign_in(app.run(), keys["predict"][0])
    assert page.title() not in [title.value for title in go(app, page).title]

    go(app, "access")
    press(app, "Sign out")
    sign_in(app, keys["operate"][0])

    assert [title.value for title in go(app, page).title] == [page.title()]


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
