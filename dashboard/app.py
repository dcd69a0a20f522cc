"""The console: its pages, and what they share. Streamlit runs this file once for every click.

`python -m dashboard` starts it with the right options.
"""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import httpx
import streamlit as st

from dashboard import identity
from dashboard.client.gateway import GatewayClient
from dashboard.client.prometheus import PrometheusClient
from dashboard.loads.command import find_command
from dashboard.loads.runs import Loads
from dashboard.notices import show_service
from dashboard.recorded import Recorded
from dashboard.settings import Settings
from dashboard.traffic import OwnTraffic, PrometheusTraffic
from dashboard.views import access, classify, history, load, models, monitoring, overview, train
from dashboard.visitors import Visitor, visitor

_KEYS = 100  # clients that are kept, one for each key in use; the oldest is forgotten first


@st.cache_resource
def connections() -> httpx.Client:
    """Return the connections of this process, kept between clicks and shared by all visitors."""
    return httpx.Client(limits=httpx.Limits(max_connections=64, max_keepalive_connections=16))


@st.cache_resource(max_entries=_KEYS, ttl=timedelta(days=1), show_spinner=False)
def client(url: str, key: str) -> GatewayClient:
    """Return the client for a key, shared by all visitors who have it, and kept for a day."""
    return GatewayClient(connections(), url, key)


@st.cache_resource(max_entries=_KEYS, ttl=timedelta(days=1), show_spinner=False, hash_funcs={GatewayClient: id})
def own_traffic(gateway: GatewayClient) -> OwnTraffic:
    """Return what was seen of a gateway's own metrics with one key."""
    return OwnTraffic(gateway)


@st.cache_resource(show_spinner=False)
def recorded_traffic(url: str) -> PrometheusTraffic:
    """Return what Prometheus has of the gateways."""
    return PrometheusTraffic(PrometheusClient(connections(), url))


@st.cache_resource(show_spinner=False)
def loads(command: tuple[str, ...]) -> Loads:
    """Return the load tests of this process, which all visitors share: one runs at a time."""
    return Loads(find_command(command, sys.executable))


@st.cache_resource(show_spinner=False)
def recorded(url: str) -> Recorded:
    """Return what Prometheus has recorded and judged."""
    return Recorded(PrometheusClient(connections(), url))


def main() -> None:
    """Draw the page that the visitor is on."""
    st.set_page_config(page_title="Pulmo", layout="wide")
    try:
        settings = Settings.from_env(os.environ)
    except ValueError as error:
        st.error(str(error))
        st.stop()
    identity.admit()
    connect = partial(client, settings.gateway_url)
    who = visitor(connect, settings.api_key)
    is_locked = who.access == "none"
    page = st.navigation(pages(who, connect, settings), position="hidden" if is_locked else "sidebar")
    show_service(who.gateway, who.problem)
    with st.sidebar:
        identity.show()
    if is_locked:  # after signing in, the visitor is where they wanted to go
        access.show(who, connect)
    else:
        page.run()


def pages(who: Visitor, connect: Callable[[str], GatewayClient], settings: Settings) -> list[st.Page]:
    """Return the pages that are of use to a visitor, the one shown first at the top."""
    prometheus = recorded_traffic(settings.prometheus_url) if settings.prometheus_url else None

    def show_overview() -> None:
        overview.show(who, own_traffic(who.gateway), prometheus)

    def show_monitoring() -> None:
        monitoring.show(
            own_traffic(who.gateway), recorded(settings.prometheus_url) if settings.prometheus_url else None
        )

    shown = [
        st.Page(show_overview, title="Overview", url_path="overview", default=True),
        st.Page(lambda: classify.show(who.gateway), title="Classify", url_path="classify"),
    ]
    if who.may_operate:
        shown += [
            st.Page(lambda: history.show(who.gateway), title="History", url_path="history"),
            st.Page(lambda: models.show(who, settings), title="Models", url_path="models"),
            st.Page(lambda: train.show(who.gateway), title="Train", url_path="train"),
            st.Page(show_monitoring, title="Monitoring", url_path="monitoring"),
            st.Page(lambda: load.show(who, loads(settings.load_command)), title="Load", url_path="load"),
        ]
    if who.signed_in or who.access == "predict":
        shown.append(st.Page(lambda: access.show(who, connect), title="Access", url_path="access"))
    return shown


main()
