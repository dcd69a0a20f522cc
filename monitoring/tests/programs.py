"""Debian's programs for tests of the monitoring; a test whose program is not to be had is skipped, and says so."""

from pathlib import Path

import httpx
import pytest

from tests.debian import ProgramMissing, alertmanager, find_program


def program(name: str, package: str = "prometheus") -> Path:
    """Return the path of a program."""
    try:
        return find_program(name, package)
    except ProgramMissing as missing:
        pytest.skip(str(missing))


def alertmanager_program() -> list[str]:
    """Return the command that runs Alertmanager."""
    try:
        return alertmanager()
    except ProgramMissing as missing:
        pytest.skip(str(missing))


def is_ready(url: str) -> bool:
    """Say whether Prometheus or Alertmanager answers."""
    return answers(f"{url}/-/ready")


def answers(url: str) -> bool:
    """Say whether something is there."""
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False
