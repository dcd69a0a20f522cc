"""The page where a visitor signs in with an API key."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from dashboard.client.gateway import GatewayClient
from dashboard.visitors import Visitor, sign_in, sign_out

_MEANINGS: Final = {
    "operate": "You may use all of the console.",
    "predict": "You may classify images and give feedback. What else there is needs a key with the scope `operate`.",
    "none": "This gateway answers to API keys only. Sign in with yours to go on.",
    "unknown": "The gateway does not answer, so nobody can sign in at the moment.",
}
_FAILURES: Final = {
    "none": "The gateway does not know this key. Check it, or ask whoever runs the service for another.",
    "unknown": "The gateway does not answer, so the key could not be checked. Try again when it does.",
}


def show(visitor: Visitor, connect: Callable[[str], GatewayClient]) -> None:
    """Say what the visitor may do, and let them sign in or out."""
    st.title("Access")
    st.write(_MEANINGS[visitor.access])
    if visitor.signed_in:
        st.button("Sign out", on_click=sign_out)
        return
    with st.form("access.form", clear_on_submit=True, width=480):
        key = st.text_input("API key", type="password", key="access.key", autocomplete="off")
        st.caption("The key is used until you sign out or close the page. It is in the console's memory alone.")
        sent = st.form_submit_button("Sign in")
    if not sent:
        return
    access = sign_in(connect, key)
    if access in _FAILURES:
        st.error(_FAILURES[access])
    else:
        st.rerun()
