"""What each version was, for good: a prediction in the history names its version by a number alone."""

from pathlib import Path
from typing import Any

import httpx

from tests.gateways import Gateway, serving_gateway
from tests.processes import eventually
from tests.scripted import Version, certain, scripted
from tests.toymodel import LABELS


def history(gateway: Gateway, **page: int) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(f"{gateway.url}/models/history", params=page).json()
    return document


def numbers(gateway: Gateway) -> list[int]:
    return [version["version"] for version in history(gateway)["history"]]


def test_every_version_that_could_answer_is_written_down_once(history_url: str, tmp_path: Path) -> None:
    """Whoever saw it come, and however often; also when it has long gone."""
    with scripted(v1=Version(certain(1))) as server:
        with (
            serving_gateway(server.target, tmp_path / "one", history=history_url) as one,
            serving_gateway(server.target, tmp_path / "other", history=history_url) as other,
        ):
            eventually(lambda: numbers(one) == numbers(other) == [1], within=30, what="version 1 is written down")
            server.versions[2] = Version(certain(2))
            eventually(lambda: numbers(one) == [2, 1], within=30, what="version 2 is written down")
            del server.versions[1]
        with serving_gateway(server.target, tmp_path / "next", history=history_url) as following:
            kept = history(following)["history"]
            first = history(following, limit=1)
            second = history(following, limit=1, after=first["next"])

    assert [version["version"] for version in kept] == [2, 1]
    assert all(version["labels"] == list(LABELS) for version in kept)
    assert all(version["digest"] and version["since"] for version in kept)
    assert (first["history"] + second["history"], second["next"]) == (kept, None)
