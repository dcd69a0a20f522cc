"""How long a request may take: what its client says, within what the gateway allows."""

from collections.abc import Iterator

import httpx
import pytest

from gateway.deadlines import HEADER, budget
from gateway.errors import InvalidTimeout
from tests.clients import sending
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.scripted import Version, certain, scripted

IMAGE = png(pixels(1))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, 10), ("0.5", 0.5), ("2", 2), (".25", 0.25), ("3.", 3), ("10.1", 10), ("9" * 400, 10)],
)
def test_a_client_gets_the_time_it_asks_for_and_not_more_than_there_is(header: str | None, seconds: float) -> None:
    """Without a header it has all the time that is allowed."""
    assert budget(header, 10) == seconds


@pytest.mark.parametrize(
    "header", ["", "0", "0.0", "-1", "nan", "inf", "1e3", "1_0", "0x1", "5s", "100m", "1,5", " 1", "٣"]
)
def test_what_is_no_number_of_seconds_is_refused(header: str) -> None:
    """The message names the header, its value and the remedy."""
    with pytest.raises(InvalidTimeout, match=f"{HEADER} is .*; it is a number of seconds above 0, as 0.5"):
        budget(header, 10)


@pytest.fixture(scope="module")
def hanging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway that allows minutes, and whose model does not answer."""
    version = Version(certain(0))
    patient = {"request_timeout_s": "300", "body_timeout_s": "300"}
    with (
        scripted(v1=version) as model,
        serving_gateway(model.target, tmp_path_factory.mktemp("gateway"), **patient) as gateway,
    ):
        version.answers.clear()
        yield gateway


@pytest.mark.parametrize(("path", "field"), [("/predict", "file"), ("/predict-batch", "files")])
def test_a_request_ends_when_its_own_time_is_up(hanging: Gateway, path: str, field: str) -> None:
    """504, although the gateway would have waited for minutes; so would this test."""
    reply = httpx.post(hanging.url + path, files=[(field, IMAGE)], headers={HEADER: "0.2"}, timeout=60)

    assert (reply.status_code, reply.json()["type"]) == (504, "/problems/deadline-exceeded")


def test_a_body_that_comes_too_late_for_its_own_time_is_given_up(hanging: Gateway) -> None:
    """408: it is the client who was slow."""
    with sending(hanging.url, IMAGE[:9], announced=99, headers=f"{HEADER}: 0.2\r\n") as connection:
        status = connection.makefile("rb").readline()

    assert b" 408 " in status


@pytest.mark.parametrize("path", ["/predict", "/predict-batch"])
def test_a_timeout_that_is_none_is_a_problem(hanging: Gateway, path: str) -> None:
    """It is refused before anything is done, rather than taken for something else."""
    reply = httpx.post(hanging.url + path, content=IMAGE, headers={HEADER: "soon"})

    assert (reply.status_code, reply.json()["type"]) == (400, "/problems/timeout-invalid")
    assert "'soon'" in reply.json()["detail"]


def test_the_description_of_the_api_has_the_header(hanging: Gateway) -> None:
    """Both ways to post images take it."""
    paths = httpx.get(f"{hanging.url}/schema/openapi.json").json()["paths"]

    for path in ("/predict", "/predict-batch"):
        assert HEADER in [parameter["name"] for parameter in paths[path]["post"]["parameters"]]
