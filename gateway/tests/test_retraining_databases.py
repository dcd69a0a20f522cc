"""Several gateways and one database of either kind: jobs, uploads and feedback are those of all of them."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.gateways import serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.retraining import end_all, ended, retrain, status

AT_ONCE = 12


@pytest.mark.timeout(600)
def test_two_gateways_share_jobs_uploads_and_feedback(
    model_server: ModelServer, history_url: str, tmp_path: Path
) -> None:
    """One retraining between them, one quota, and what one is told the other tells."""
    script = tmp_path / "script"
    script.mkdir()
    (script / "says").write_bytes(b'{"event":"published","version":9,"store":"s"}\n')
    image = png(pixels(211, 96))
    settings = {
        "history": history_url,
        "trainer": f"{sys.executable} -m tests.scriptedtrainer {script}",
        "trainer_nice": "0",
        "sessions": str(tmp_path / "sessions"),
        "uploads": str(tmp_path / "uploads"),
        "uploads_quota_bytes": str(len(image)),
    }
    together = threading.Barrier(AT_ONCE)

    def ask(number: int) -> httpx.Response:
        together.wait()
        return retrain((one, other)[number % 2])

    with (
        serving_gateway(model_server.target, tmp_path / "one", **settings) as one,
        serving_gateway(model_server.target, tmp_path / "other", **settings) as other,
    ):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            replies = list(pool.map(ask, range(AT_ONCE)))
        assert sorted(reply.status_code for reply in replies) == [200] * (AT_ONCE - 1) + [202]
        (script / "end").touch()
        done = ended(other, replies[0].json()["session_id"])
        told = status(one)
        kept = httpx.post(f"{one.url}/upload-data", files={"files": image}, data={"label": "normal"})
        full = httpx.post(f"{other.url}/upload-data", files={"files": png(pixels(3, 96))}, data={"label": "normal"})
        seen = httpx.get(f"{other.url}/uploaded-data/{kept.json()['session_id']}").json()
        prediction = httpx.post(f"{one.url}/predict", content=image).json()
        document = {"prediction_id": prediction["id"], "label": prediction["prediction"]}
        fed = httpx.post(f"{other.url}/feedback", json=document)
        accuracy = httpx.get(f"{one.url}/feedback/accuracy").json()["versions"]
        nul = httpx.post(f"{one.url}/feedback", json={**document, "prediction_id": "\0"})
    end_all(tmp_path / "sessions")

    assert (done["status"], done["model_version"]) == ("completed", 9)
    assert told["session_id"] == done["session_id"]
    assert (kept.status_code, full.status_code) == (200, 507)
    assert seen["labels"] == {"normal": 1}
    assert (fed.status_code, nul.status_code) == (201, 404)
    assert accuracy == [{"model_version": 1, "images": 1, "accuracy": 1.0}]
