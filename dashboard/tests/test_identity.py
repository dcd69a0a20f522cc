"""The console where an identity provider decides who may open it."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.tests.visits import APP, SECONDS, text
from tests.processes import free_port


def test_nobody_gets_in_without_saying_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With a section `[auth]` in the secrets a stranger sees a way to sign in, and nothing of the service.
    """
    monkeypatch.setenv("PULMO_GATEWAY_URL", f"http://127.0.0.1:{free_port()}")
    app = AppTest.from_file(APP, default_timeout=SECONDS)
    app.secrets["auth"] = {"client_id": "console"}

    app.run()

    assert [button.label for button in app.button] == ["Sign in"]
    assert "wants to know who you are" in text(app)
    assert "Gateway" not in text(app)
    assert not app.exception
