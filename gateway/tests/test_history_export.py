"""The history as a file: the same in both formats, and harmless in a spreadsheet."""

import csv
import io
import json

import httpx
import pytest

from tests.gateways import Gateway
from tests.images import pixels, png


def post(gateway: Gateway, name: str, seed: int) -> str:
    reply = httpx.post(f"{gateway.url}/predict", files={"file": (name, png(pixels(seed)))})
    return str(reply.raise_for_status().json()["id"])


def test_the_export_is_the_history_as_lines(gateway: Gateway) -> None:
    """Newest first; both formats hold the same."""
    ids = [post(gateway, f"exported {number}.png", 3) for number in range(3)]
    query = {"filename": "exported*"}

    table = httpx.get(f"{gateway.url}/history/export", params=query)
    lines = httpx.get(f"{gateway.url}/history/export", params={**query, "format": "json"})

    records = [json.loads(line) for line in lines.text.splitlines()]
    cells = list(csv.DictReader(io.StringIO(table.text)))
    assert [one["id"] for one in records] == [one["id"] for one in cells] == ids[::-1]
    assert [json.loads(one["probabilities"]) for one in cells] == [one["probabilities"] for one in records]
    assert table.headers["content-disposition"] == 'attachment; filename="history.csv"'


@pytest.mark.parametrize("name", ['=cmd|"/C calc"!A0', "+1", "-1", "@SUM(A1)"])
def test_a_file_name_is_no_formula(gateway: Gateway, name: str) -> None:
    """A spreadsheet that opens the export shows it, and runs nothing."""
    post(gateway, name, 4)
    newest = httpx.get(f"{gateway.url}/history", params={"limit": 1}).json()["history"][0]["filename"]

    table = httpx.get(f"{gateway.url}/history/export", params={"filename": newest}).text

    assert next(csv.DictReader(io.StringIO(table)))["filename"] == f"'{newest}"
    assert newest[0] == name[0]
