"""The console: its pages, and the client that they share. Streamlit runs this file once for every click.

`python -m dashboard` starts it with the right options.
"""

import os

import streamlit as st

from dashboard.client import GatewayClient
from dashboard.notices import show_service
from dashboard.settings import Settings
from dashboard.views import classify


@st.cache_resource
def client(url: str, _key: str) -> GatewayClient:
    """Return the one client of this process: its connections are kept between clicks and shared by all visitors."""
    return GatewayClient(url, _key)


def main() -> None:
    """Draw the page that the visitor is on."""
    st.set_page_config(page_title="Pulmo", layout="wide")
    try:
        settings = Settings.from_env(os.environ)
    except ValueError as error:
        st.error(str(error))
        st.stop()
    gateway = client(settings.gateway_url, settings.api_key)
    page = st.navigation([st.Page(lambda: classify.show(gateway), title="Classify", url_path="classify", default=True)])
    show_service(gateway)
    page.run()


main()
