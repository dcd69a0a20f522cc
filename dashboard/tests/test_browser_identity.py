"""The console where an OpenID Connect provider says who may open it: in a real browser, with a provider of its own."""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from dashboard.tests.browsers import Tab, tab
from dashboard.tests.consoles import serving_console
from dashboard.tests.visits import put
from tests.gateways import Gateway
from tests.processes import PYTHON, free_port, running

SUBJECT, EMAIL = "rita", "rita@example.org"


@dataclass(frozen=True)
class Guarded:
    """A console that asks an identity provider."""

    url: str
    provider: str


@contextmanager
def serving_provider(folder: Path) -> Iterator[str]:
    """Run a provider until the block ends, which knows one person and asks for no password; yield its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    person = json.dumps({"sub": SUBJECT, "email": EMAIL})
    command = [PYTHON, "-m", "oidc_provider_mock", f"--port={port}", f"--user-claims={person}"]
    with running(command, log=folder / "provider.log", ready=lambda: answers(url)):
        yield url


def answers(url: str) -> bool:
    """Return whether a provider tells what it can do (OpenID Connect Discovery 1.0, section 4)."""
    try:
        return httpx.get(f"{url}/.well-known/openid-configuration").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def guarded(routed: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Return a console that lets in whom the provider knows."""
    folder, port = tmp_path_factory.mktemp("guarded"), free_port()
    (folder / ".streamlit").mkdir()
    with serving_provider(folder) as provider:
        (folder / ".streamlit" / "secrets.toml").write_text(
            "[auth]\n"
            f'redirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
            f'cookie_secret = "{secrets.token_hex(32)}"\n'
            'client_id = "console"\n'
            f'client_secret = "{secrets.token_hex(16)}"\n'
            f'server_metadata_url = "{provider}/.well-known/openid-configuration"\n'
        )
        with serving_console(folder, port=port, cwd=folder, gateway_url=routed.url) as console:
            yield Guarded(console.url, provider)


def sign_in(visit: Tab, guarded: Guarded) -> None:
    """Say at the provider who one is, and come back."""
    visit.page.route(re.compile("^https:"), lambda route: route.abort())  # the provider has a style sheet elsewhere
    visit.page.get_by_role("button", name="Sign in", exact=True).click()
    visit.page.wait_for_url(f"{guarded.provider}/**")
    visit.page.get_by_role("button", name=SUBJECT).click()
    visit.page.wait_for_url(f"{guarded.url}/**")
    visit.page.get_by_text(f"You are {EMAIL}.").wait_for()
    visit.settle()


def sign_out(visit: Tab, guarded: Guarded) -> None:
    """End the session at the console and at the provider (OpenID Connect RP-Initiated Logout 1.0), and come back."""
    visit.page.get_by_role("button", name="Sign out of the console").click()
    visit.page.wait_for_url(f"{guarded.provider}/**")
    visit.page.get_by_role("button", name="End session").click()
    visit.page.get_by_role("button", name="Sign in", exact=True).wait_for()
    visit.settle()


def test_who_signs_in_at_the_provider_is_let_in_until_they_sign_out(browser: Browser, guarded: Guarded) -> None:
    """
    A stranger sees a way to sign in and nothing else, from no other host.
    """
    with tab(browser) as visit:
        visit.open(f"{guarded.url}/models")
        locked = visit.page.get_by_test_id("stMain").inner_text()
        entries = visit.page.get_by_test_id("stSidebarNavLink").count()
        barriers, strangers = visit.barriers(), visit.strangers()
        sign_in(visit, guarded)
        opened = visit.page.get_by_test_id("stSidebarNavLink").count()
        sign_out(visit, guarded)
        again = visit.page.get_by_test_id("stSidebarNavLink").count()

    assert "This console wants to know who you are." in locked
    assert "Version" not in locked
    assert (entries, again) == (0, 0)
    assert opened > 0
    assert barriers == []
    assert strangers == []


def test_a_change_of_the_route_bears_the_name_that_the_provider_told(
    browser: Browser, guarded: Guarded, routed: Gateway
) -> None:
    """
    Nobody types another one.
    """
    put(routed.url, mode="latest")
    with tab(browser) as visit:
        visit.open(guarded.url)
        sign_in(visit, guarded)
        visit.page.get_by_role("link", name="Models", exact=True).click()
        visit.page.get_by_text("One version", exact=True).click()
        visit.page.get_by_role("button", name="Review the change").click()
        dialog = visit.page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill("as agreed")
        editable = dialog.get_by_label("Your name").is_editable()
        dialog.get_by_role("button", name="Confirm").click()
        visit.page.get_by_text("Done: ").wait_for()

    [newest] = httpx.get(f"{routed.url}/models/route/history", params={"limit": "1"}).json()["history"]
    assert newest["reason"] == f"{EMAIL}: as agreed"
    assert not editable
