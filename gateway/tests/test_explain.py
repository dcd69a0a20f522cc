"""Where the model looked: its own heat map over the posted picture."""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gateway.overlay import overlaid
from tests.corpus import dicoms
from tests.gateways import Gateway, serving_gateway
from tests.images import jpeg, pixels, png
from tests.processes import eventually
from tests.scripted import ScriptedServer, Version, certain, scripted
from tests.toymodel import LABELS, manifest

LIMIT = 1_000_000
YELLOW = (253, 231, 37)


def shown(reply: httpx.Response) -> NDArray[np.uint8]:
    """Return the picture in a reply, uint8 `[H, W, 3]`."""
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
    return np.asarray(Image.open(io.BytesIO(reply.content)))


def half_lit() -> NDArray[np.uint8]:
    """Return a picture 96 pixels wide and 64 high, white to the right and black to the left."""
    image = np.zeros((64, 96), np.uint8)
    image[:, 48:] = 255
    return image


@pytest.mark.parametrize("form", [True, False], ids=["form", "raw"])
def test_the_overlay_shows_where_the_version_looked(gateway: Gateway, *, form: bool) -> None:
    """The toy model looks at what is bright: there the colour covers the picture, elsewhere all is as it was."""
    body = png(half_lit())
    asked = {"files": {"file": ("a.png", body)}} if form else {"content": body}

    overlay = shown(httpx.post(f"{gateway.url}/explain", **asked))

    assert overlay.shape == (64, 96, 3)
    assert overlay[32, 10].tolist() == [0, 0, 0]
    assert overlay[32, 90].tolist() == [round(0.35 * 255 + 0.65 * channel) for channel in YELLOW]


def test_headers_tell_the_answer_that_is_explained(gateway: Gateway) -> None:
    """It is the one that POST /predict gives."""
    body = jpeg(pixels(3))
    prediction = httpx.post(f"{gateway.url}/predict", content=body).json()

    headers = httpx.post(f"{gateway.url}/explain", content=body).headers

    assert (headers["pulmo-prediction"], int(headers["pulmo-model-version"])) == (
        prediction["prediction"],
        prediction["model_version"],
    )
    assert float(headers["pulmo-confidence"]) == pytest.approx(prediction["confidence"], abs=1e-5)
    assert "pulmo-abstain" not in headers


def test_a_dicom_file_is_explained_on_its_picture(gateway: Gateway) -> None:
    """And says no more of its patient than the pixels do."""
    reply = httpx.post(f"{gateway.url}/explain", files={"file": ("Doe.dcm", dicoms.odd()["unsigned"])})

    assert shown(reply).shape == (40, 40, 3)
    assert b"Doe" not in reply.content


def test_an_explanation_is_no_prediction(gateway: Gateway) -> None:
    """Nothing is recorded, and no batch holds it."""
    before = httpx.get(f"{gateway.url}/history", params={"limit": 1}).json()["history"]
    batches = gateway.total("gateway_batch_size_count")
    calls = gateway.total("gateway_explain_rpc_duration_seconds_count")

    httpx.post(f"{gateway.url}/explain", content=png(pixels(2)))

    assert httpx.get(f"{gateway.url}/history", params={"limit": 1}).json()["history"] == before
    assert gateway.total("gateway_batch_size_count") == batches
    assert gateway.total("gateway_explain_rpc_duration_seconds_count") == calls + 1


@pytest.mark.parametrize(
    ("status", "name", "body"),
    [(400, "image-empty", b""), (415, "image-format", b"no"), (422, "image-truncated", png(pixels(1))[:-20])],
)
def test_what_is_no_image_is_refused_as_it_is_elsewhere(gateway: Gateway, status: int, name: str, body: bytes) -> None:
    """One decoder, one list of problems."""
    reply = httpx.post(f"{gateway.url}/explain", content=body)

    assert (reply.status_code, reply.json()["type"]) == (status, f"/problems/{name}")


@pytest.fixture
def script() -> Iterator[ScriptedServer]:
    """Return a model server whose version 1 looks everywhere."""
    with scripted(v1=Version(certain(2), looks=lambda images: np.ones(images.shape[:3], np.float32))) as server:
        yield server


@pytest.fixture
def few(script: ScriptedServer, tmp_path: Path) -> Iterator[Gateway]:
    """Return a gateway that makes three explanations at a time."""
    with serving_gateway(script.target, tmp_path, explain_limit="3") as gateway:
        yield gateway


def test_a_version_that_cannot_explain_itself_says_so(script: ScriptedServer, few: Gateway) -> None:
    """That is 501, with the remedy; predictions are as ever."""
    script.versions[1].looks = None

    reply = httpx.post(f"{few.url}/explain", content=png(pixels(1)))

    assert (reply.status_code, reply.json()["type"]) == (501, "/problems/explain-unavailable")
    assert "trainer publish" in reply.json()["detail"]
    assert httpx.post(f"{few.url}/predict", content=png(pixels(1))).status_code == 200


@pytest.mark.parametrize(
    "heat",
    [
        pytest.param(lambda images: np.full(images.shape[:3], np.nan, np.float32), id="not numbers"),
        pytest.param(lambda images: np.full(images.shape[:3], 7, np.float32), id="too hot"),
        pytest.param(lambda images: np.ones((len(images), 5, 5), np.float32), id="another size"),
        pytest.param(lambda images: np.ones((2, *images.shape[1:3]), np.float32), id="two maps"),
        pytest.param(lambda images: np.ones((0, *images.shape[1:3]), np.float32), id="none"),
    ],
)
def test_a_heat_map_that_is_none_is_the_models_failure(script: ScriptedServer, few: Gateway, heat: object) -> None:
    """Nobody is shown colours that mean nothing."""
    script.versions[1].looks = heat  # type: ignore[assignment] # the parameter is one

    reply = httpx.post(f"{few.url}/explain", content=png(pixels(1)))

    assert (reply.status_code, reply.json()["type"]) == (502, "/problems/model-failed")


def test_explanations_are_bounded_and_predictions_go_on(script: ScriptedServer, few: Gateway) -> None:
    """Two are asked for at a time, a third waits, the fourth is refused at once; then there is room again."""
    script.versions[1].answers.clear()
    begun = len(script.calls)
    body = png(pixels(1))

    def ask(_: int) -> httpx.Response:
        return httpx.post(f"{few.url}/explain", content=body, timeout=30)

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(ask, number) for number in range(3)]
        eventually(lambda: len(script.calls) == begun + 2, within=20, what="two calls are under way")
        eventually(lambda: ask(0).status_code == 429, within=5, what="a fourth explanation is refused")
        refused = ask(0)
        under_way = len(script.calls) - begun
        script.versions[1].answers.set()
        answered = [reply.result().status_code for reply in waiting]

    assert (refused.json()["type"], refused.headers["retry-after"], under_way) == ("/problems/overloaded", "1", 2)
    assert answered == [200, 200, 200]
    assert ask(0).status_code == 200


def test_an_explanation_that_is_late_is_given_up(script: ScriptedServer, few: Gateway) -> None:
    """The client hears it in time, the model server is told, and the place is free."""
    script.versions[1].answers.clear()

    late = [
        httpx.post(f"{few.url}/explain", content=png(pixels(1)), headers={"X-Request-Timeout": "0.3"}) for _ in range(4)
    ]

    assert {(reply.status_code, reply.json()["type"]) for reply in late} == {(504, "/problems/deadline-exceeded")}
    script.versions[1].answers.set()
    assert httpx.post(f"{few.url}/explain", content=png(pixels(1))).status_code == 200


def test_a_version_that_goes_away_is_replaced_by_the_next(script: ScriptedServer, few: Gateway) -> None:
    """As for predictions: no request fails for a rollout."""
    script.versions[2] = Version(certain(0), looks=script.versions[1].looks)
    del script.versions[1]

    reply = httpx.post(f"{few.url}/explain", content=png(pixels(1)))

    assert (reply.status_code, reply.headers["pulmo-model-version"]) == (200, "2")


def test_a_label_cannot_write_headers(tmp_path: Path) -> None:
    """What a version calls its classes is data: percent-encoded, and told abstentions with it."""
    labels = ["größe\r\nSet-Cookie: a=b", *LABELS[1:]]
    text = json.dumps({**manifest(), "labels": labels, "abstention_threshold": 0.99})
    version = Version(certain(0), manifest=text, looks=lambda images: np.zeros(images.shape[:3], np.float32))
    with scripted(v1=version) as server, serving_gateway(server.target, tmp_path) as gateway:
        headers = httpx.post(f"{gateway.url}/explain", content=png(pixels(1))).headers

    assert headers["pulmo-prediction"] == "gr%C3%B6%C3%9Fe%0D%0ASet-Cookie: a=b"
    assert "set-cookie" not in headers
    assert headers["pulmo-abstain"] == "low-confidence"


def test_a_large_picture_is_shown_smaller_and_an_odd_one_whole() -> None:
    """The longer side has 1024 pixels at most; heat is stretched over the whole."""
    cold = np.zeros((32, 32), np.float32)
    sizes = [
        Image.open(io.BytesIO(overlaid(png(np.zeros(shape, np.uint8)), cold, 10**7))).size
        for shape in ((1024, 4096), (1, 3000), (5, 1))
    ]

    assert sizes == [(1024, 256), (1024, 1), (1, 5)]


def test_no_heat_leaves_the_picture_as_it_was() -> None:
    """Bit by bit; in grey, in colour, and with transparency over black."""
    picture = pixels(4, 40)
    overlay = overlaid(png(picture), np.zeros((8, 8), np.float32), LIMIT)

    assert np.array_equal(np.asarray(Image.open(io.BytesIO(overlay))), picture)


def test_heat_is_shown_where_it_is() -> None:
    """A corner of the map is that corner of the picture, however much they differ in size and shape."""
    heat = np.zeros((8, 8), np.float32)
    heat[:4, :4] = 1
    overlay = np.asarray(Image.open(io.BytesIO(overlaid(png(np.full((60, 200), 100, np.uint8)), heat, LIMIT))))

    assert overlay[2, 2].tolist() == [round(0.35 * 100 + 0.65 * channel) for channel in YELLOW]
    assert overlay[57, 197].tolist() == overlay[2, 197].tolist() == [100, 100, 100]


def test_what_grpc_says_of_a_missing_signature_is_one_thing_alone(script: ScriptedServer, few: Gateway) -> None:
    """Another failure of the same call is the model's, not a lack of the signature."""
    script.versions[1].fails_with = grpc.StatusCode.INTERNAL

    assert httpx.post(f"{few.url}/explain", content=png(pixels(1))).status_code == 502
