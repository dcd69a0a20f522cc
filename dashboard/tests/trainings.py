"""A gateway that trains, for tests of the page that does."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.tests.visits import visit
from tests.gateways import Gateway


@dataclass(frozen=True)
class Training:
    """A gateway of its own, and what its trainer does; see `tests.scriptedtrainer`."""

    gateway: Gateway
    script: Path

    def visit(self, monkeypatch: pytest.MonkeyPatch) -> AppTest:
        """Open the page."""
        return visit(monkeypatch, self.gateway.url, "train")
