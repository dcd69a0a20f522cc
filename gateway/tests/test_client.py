"""The client, against a real gateway: what it asks, and what it reads."""

import inspect
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.client import AsyncClient, Client
from gateway.client.images import Limits
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.processes import PYTHON, ROOT, eventually
from tests.scripted import ScriptedServer, Version, certain, scripted
from tests.toymodel import LABELS

BODIES = [png(pixels(seed)) for seed in range(7)]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return image files; the fourth is none."""
    paths = [tmp_path / f"{n}.png" for n in range(7)]
    for path, body in zip(paths, BODIES, strict=True):
        path.write_bytes(body)
    paths[3].write_text("not an image")
    return paths


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Return a model server that does as a test says."""
    with scripted(v1=Version(certain(2))) as script:
        yield script


def test_importing_the_client_imports_nothing_of_the_gateway_and_no_server() -> None:
    """It can be installed where no gateway is: httpx, msgspec and rich will do."""
    code = (
        "import sys, gateway.client, gateway.client.__main__\n"
        "ours = {name for name in sys.modules if name.startswith(('gateway.', 'proto', 'serving', 'trainer'))}\n"
        "assert all(name.startswith('gateway.client') for name in ours), ours\n"
        "theirs = {'litestar', 'grpc', 'numpy', 'sqlalchemy', 'prometheus_client', 'granian', 'PIL', 'structlog'}\n"
        "assert not theirs & sys.modules.keys()\n"
    )

    subprocess.run([PYTHON, "-c", code], check=True, cwd=ROOT)


def test_both_clients_have_the_same_methods() -> None:
    """Whoever knows one knows the other."""

    def methods(kind: type) -> dict[str, list[inspect.Parameter]]:
        return {
            name: list(inspect.signature(method).parameters.values())
            for name, method in vars(kind).items()
            if not name.startswith("_") or name == "__init__"
        }

    assert methods(Client) == methods(AsyncClient)


def test_an_image_is_classified_from_its_bytes_or_from_its_file(gateway: Gateway, files: list[Path]) -> None:
    """Both get the same numbers; a file tells its name."""
    with Client(gateway.url) as client:
        raw, named = client.predict(BODIES[0]), client.predict(files[0])
        assert client.predict(str(files[0])).filename == "0.png"

    assert (raw.filename, named.filename) == (None, "0.png")
    assert raw.probabilities == named.probabilities
    assert raw.confidence == max(raw.probabilities.values())
    assert (raw.model_version, raw.timings.total > 0) == (1, True)


async def test_the_asynchronous_client_gets_the_same_answers(gateway: Gateway, files: list[Path]) -> None:
    """It differs in how it waits, and in nothing else."""
    async with AsyncClient(gateway.url, batch=Limits(files=2)) as client:
        one = await client.predict(files[0])
        entries = [entry async for entry in client.predict_batch(files)]
        newest = [entry.id async for entry in client.history(page=2) if entry.id in {e.id for e in entries}][:6]
        assert (await client.health()).model_loaded

    assert [path.name for path in files] == [entry.filename for entry in entries]
    assert entries[0].probabilities == one.probabilities
    assert sorted(newest) == sorted(entry.id for entry in entries if entry.id)


@pytest.mark.parametrize(
    ("limits", "requests"),
    [(Limits(files=3), 3), (Limits(size=1), 7), (Limits(), 1)],
    ids=["by number", "by bytes", "in one"],
)
def test_a_batch_is_split_and_answered_in_its_order(
    gateway: Gateway, files: list[Path], limits: Limits, requests: int
) -> None:
    """Entry i answers image i, an image that is none is an error in its place, and each request is bounded."""
    before = gateway.total("gateway_requests_total", route="/predict-batch")
    with Client(gateway.url, batch=limits) as client:
        entries = list(client.predict_batch(files))
        alone = [client.predict(body).probabilities for body in (BODIES[0], BODIES[6])]

    assert [path.name for path in files] == [entry.filename for entry in entries]
    assert [n for n, entry in enumerate(entries) if entry.error] == [3]
    assert entries[3].error is not None
    assert entries[3].error.type == "/problems/image-format"
    assert [entries[0].probabilities, entries[6].probabilities] == alone
    assert gateway.total("gateway_requests_total", route="/predict-batch") - before == requests


def test_a_batch_is_read_as_it_is_needed(gateway: Gateway) -> None:
    """A stream without an end is answered, so its images are not gathered first."""
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield BODIES[0]

    with Client(gateway.url, batch=Limits(files=2)) as client:
        answers = client.predict_batch(endless())
        for _ in range(3):
            next(answers)

    assert given <= 5


def test_the_history_is_read_to_its_end_page_by_page(server: ScriptedServer, tmp_path: Path) -> None:
    """Newest first, none twice and none left out."""
    with serving_gateway(server.target, tmp_path) as gateway, Client(gateway.url) as client:
        ids = [client.predict(body).id for body in BODIES]

        assert [entry.id for entry in client.history(page=3)] == ids[::-1]
        assert [entry.id for entry in client.history(class_=LABELS[2], min_confidence=0.5)] == ids[::-1]
        assert list(client.history(class_=LABELS[0])) == []


def test_versions_and_the_route_are_read_and_set(server: ScriptedServer, tmp_path: Path) -> None:
    """What an operator does by hand, a program can."""
    server.versions[2] = Version(certain(0))
    with serving_gateway(server.target, tmp_path) as gateway, Client(gateway.url) as client:
        eventually(
            lambda: [model.version for model in client.models() if model.ready] == [2, 1], within=20, what="ready"
        )
        pinned = client.set_route("pinned", version=1, reason="as it was")
        back = client.set_route("latest")

        assert (pinned.current, pinned.reason) == ({"mode": "pinned", "version": 1}, "as it was")
        assert [share.version for share in back.effective] == [2]
        assert client.roll_back("worse").current == {"mode": "pinned", "version": 1}
        assert client.route().actor == "operator"
        assert client.metrics().metrics["accuracy"] == 0.9


def test_feedback_is_taken_down(gateway: Gateway) -> None:
    """A true label finds its prediction."""
    with Client(gateway.url) as client:
        prediction = client.predict(BODIES[0])
        right = client.feedback(prediction.id, prediction.prediction)

    assert (right.prediction_id, right.correct, right.model_version) == (prediction.id, True, 1)


def test_data_is_uploaded_and_the_training_asked_about(gateway: Gateway, files: list[Path]) -> None:
    """The answers are read as the gateway gives them."""
    with Client(gateway.url) as client:
        uploaded = client.upload_data(files, label="normal")

        assert [file.accepted for file in uploaded.files] == [n != 3 for n in range(7)]
        assert client.training_status().status == "idle"


def test_an_image_is_explained(gateway: Gateway) -> None:
    """The overlay is a PNG, and what was predicted is told beside it."""
    with Client(gateway.url) as client:
        explanation = client.explain(BODIES[0])

    assert explanation.image.startswith(b"\x89PNG")
    assert "pulmo-prediction" in explanation.about
