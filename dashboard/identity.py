"""Who may open the console at all, where an identity provider decides it (OpenID Connect).

It does where Streamlit's `secrets.toml` has a section `[auth]`; `st.login` does the rest, and needs the package
Authlib (https://docs.streamlit.io/develop/concepts/connections/authentication). What a visitor may do is still decided
by an API key: the console's own, or theirs.
"""

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError


def is_configured() -> bool:
    """Return whether visitors have to say who they are."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False


def admit() -> None:
    """Go on for whoever has signed in, or where nobody has to; show everybody else the way, and end."""
    if not is_configured() or st.user.get("is_logged_in"):
        return
    st.title("Pulmo")
    st.write("This console wants to know who you are.")
    st.button("Sign in", on_click=st.login)
    st.stop()


def name() -> str:
    """Return who has signed in by what the provider says; empty where nobody has to, or it says nothing."""
    return str(st.user.get("email") or st.user.get("name") or "") if is_configured() else ""


def show() -> None:
    """Say who has signed in, and let them sign out."""
    if is_configured():
        st.caption(f"You are {name() or 'signed in'}.")
        st.button("Sign out of the console", on_click=st.logout)
