"""The pages that show the API, and their files: from this host alone."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from tests.gateways import Gateway
from tests.processes import ROOT

PAGES = ["/docs", "/redoc"]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class References(HTMLParser):
    """Collects what a page has the browser fetch, and its scripts that are in the page itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        address = values.get("src") or values.get("href")
        if address:
            self.addresses.append(address)
        elif tag == "script":
            self.inline += 1


@pytest.mark.parametrize("path", PAGES)
def test_a_page_and_all_that_it_fetches_is_here(gateway: Gateway, path: str) -> None:
    """No address names a host, and each is answered."""
    page = httpx.get(gateway.url + path)
    found = References(page.text)

    assert page.headers["content-type"].startswith("text/html")
    assert (found.inline, len(found.addresses) > 3) == (0, True)
    for address in found.addresses:
        assert address == "data:," or re.fullmatch(r"/docs/assets/[\w.-]+\?v=\w{32}", address)
        if address != "data:,":
            file = httpx.get(gateway.url + address)
            assert (file.status_code, file.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
            assert file.headers["content-type"].startswith(("text/javascript", "text/css"))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_forbids_the_browser_to_ask_another_host(gateway: Gateway, path: str) -> None:
    """The policy names no host, and lets no script run that is not a file of ours."""
    policy = httpx.get(gateway.url + path).headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))

    assert rules["default-src"] == "'self'"
    assert not {"script-src", "connect-src"} & rules.keys()
    allowed = set(" ".join(rules.values()).split())
    assert allowed == {"'self'", "'none'", "data:", "blob:", "'unsafe-inline'"}
    assert [name for name, value in rules.items() if "unsafe-inline" in value] == ["style-src"]


def test_the_scripts_are_told_to_ask_nobody_else() -> None:
    """Swagger UI's validator and Redoc's telemetry are off, beside being forbidden."""
    folder = ROOT / "gateway" / "docs" / "static"

    assert "validatorUrl: null" in (folder / "swagger.js").read_text()
    assert "disableTelemetry: true" in (folder / "redoc.js").read_text()
    assert "://" not in "".join(file.read_text() for file in folder.iterdir())


def test_a_file_that_has_not_changed_is_not_sent_again(gateway: Gateway) -> None:
    """An address without the version is asked about each time, and that is cheap."""
    for path in ("/docs/assets/swagger-ui.css", "/openapi.json"):
        first = httpx.get(gateway.url + path)
        again = httpx.get(gateway.url + path, headers={"If-None-Match": first.headers["etag"]})

        assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        "../../settings.py",
        "..%2f..%2fsettings.py",
        "%2fetc%2fpasswd",
        "....//pages.py",
        "pages.py",
        "__init__.py",
        "%00",
    ],
)
def test_only_the_files_of_the_pages_are_served(gateway: Gateway, name: str) -> None:
    """A name is looked up in a list; it is never a path."""
    reply = httpx.get(f"{gateway.url}/docs/assets/{name}")

    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
@pytest.mark.parametrize(("path", "shown"), [("/docs", "opblock-summary-path"), ("/redoc", "Classify one image")])
def test_a_browser_draws_the_page_and_asks_no_other_host(
    gateway: Gateway, tmp_path: Path, path: str, shown: str
) -> None:
    """Chromium shows the endpoints. What it asks for by itself, for its own updates, is not the page's doing."""
    log = tmp_path / "net.json"
    command = [
        *(str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps"),
        *(f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}", "--virtual-time-budget=20000"),
        *("--dump-dom", gateway.url + path),
    ]
    page = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    events = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    asked = {params["url"] for params in events if params.get("initiator") == gateway.url and "url" in params}
    assert shown in page
    assert f"{gateway.url}/openapi.json" in asked
    assert [url for url in asked if not url.startswith((gateway.url, "data:", "blob:"))] == []
