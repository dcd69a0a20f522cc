"""A visit to the console, in Streamlit's own test harness."""

from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.processes import ROOT

APP = ROOT / "dashboard" / "app.py"
SECONDS = 60.0


def visit(monkeypatch: pytest.MonkeyPatch, gateway_url: str, page: str = "", **query: str) -> AppTest:
    """Open a page of the console as a visitor does, by the last part of its address and its query; "" is the first."""
    monkeypatch.setenv("PULMO_GATEWAY_URL", gateway_url)
    app = AppTest.from_file(APP, default_timeout=SECONDS)
    app.query_params.update(query)
    return go(app, page)


def go(app: AppTest, page: str) -> AppTest:
    """Go to another page; the harness itself only knows pages that are files."""
    app._page_hash = calc_hash(page)  # noqa: SLF001 - see above
    return app.run()


def text(app: AppTest) -> str:
    """Return what the visitor reads in texts and notices, with the sidebar."""
    kinds = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.success,
        app.info,
        app.warning,
        app.error,
    )
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def column(app: AppTest, title: str) -> list[str]:
    """Return the cells of the column that is called so, of whichever table has it."""
    [cells] = [list(table.value[title]) for table in app.table if title in table.value]
    return cells


def press(app: AppTest, label: str) -> AppTest:
    """Press the one button that is called so."""
    [button] = [button for button in app.button if button.label == label]
    return button.click().run()


def put(url: str, **route: object) -> None:
    """Set the route of a gateway behind the console's back."""
    httpx.put(f"{url}/models/route", json=route).raise_for_status()


def state(url: str) -> dict[str, Any]:
    """Return the route of a gateway as it tells it."""
    found: dict[str, Any] = httpx.get(f"{url}/models/route").json()
    return found
