"""Who is at the console, and what they may do: decided by the API key that they or the console bring."""

import time
from collections.abc import Callable
from typing import Final, Literal

import msgspec
import streamlit as st

from dashboard.client.gateway import GatewayClient
from dashboard.problems import GatewayProblem

Access = Literal["operate", "predict", "none", "unknown"]
"""What the gateway lets a visitor do: everything; predictions and what belongs to them; nothing without a key; or not
known, since it does not answer."""

_GATEWAY: Final = "visitor.gateway"
_ACCESS: Final = "visitor.access"
_LASTS_S: Final = {"operate": 30.0, "predict": 30.0, "none": 5.0, "unknown": 5.0}
_MAX_KEY: Final = 256  # characters; the gateway's have 49


class Visitor(msgspec.Struct, frozen=True):
    """One browser session."""

    gateway: GatewayClient
    """Asks with the visitor's key, or else with the console's."""
    access: Access
    signed_in: bool
    """Whether the key is their own."""
    problem: GatewayProblem | None = None
    """Why nobody knows what they may do, where that was found out for this page."""

    @property
    def may_operate(self) -> bool:
        """Whether to show what needs `operate`; also while nobody knows, since the gateway decides in the end."""
        return self.access in {"operate", "unknown"}


def visitor(connect: Callable[[str], GatewayClient], console_key: str) -> Visitor:
    """Return who is there. The gateway is asked now and then, and not at every click.

    Args:
        connect: returns the client for a key.
        console_key: what is used while the visitor has not signed in; may be empty.
    """
    own: GatewayClient | None = st.session_state.get(_GATEWAY)
    gateway = own or connect(console_key)
    problem = None
    learned, access = st.session_state.get(_ACCESS, (0.0, None))
    if access is None or time.monotonic() - learned > _LASTS_S[access]:
        access, problem = learn(gateway)
        st.session_state[_ACCESS] = (time.monotonic(), access)
    return Visitor(gateway, access, own is not None, problem)


def learn(gateway: GatewayClient) -> tuple[Access, GatewayProblem | None]:
    """Ask the gateway what its key may do; the problem is why that is unknown."""
    try:
        return gateway.scope() or "none", None
    except GatewayProblem as problem:
        return "unknown", problem


def sign_in(connect: Callable[[str], GatewayClient], key: str) -> Access:
    """Keep a key for this session, if it is good for anything. It is in no URL, cookie or log."""
    key = key.strip()
    if not key or len(key) > _MAX_KEY or not (key.isascii() and key.isprintable()):
        return "none"
    gateway = connect(key)
    access, _ = learn(gateway)
    if access in {"operate", "predict"}:
        st.session_state[_GATEWAY] = gateway
        st.session_state[_ACCESS] = (time.monotonic(), access)
    return access


def sign_out() -> None:
    """Forget the key, and all that was seen with it."""
    st.session_state.clear()
