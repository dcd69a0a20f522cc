"""Whatever bytes are posted, the answer is a prediction or a documented problem: a corpus against a real gateway."""

import asyncio
import io
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from gateway.decoding import read_row
from gateway.errors import documented
from gateway.imaging import ImageError, ImageSpec, Reason, decode
from tests.corpus import dicoms, jpegs, others, pngs
from tests.corpus.case import Case
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.toymodel import expected

SPEC = ImageSpec("L", 32, 32, "bilinear")
COLOUR = ImageSpec("RGB", 40, 40, "bilinear")
LIMIT = 1_000_000  # pixels
MARGIN = 128 * 1024 * 1024  # bytes: two threads with 16 MB of rows each, several times over
NAMES: dict[Reason, tuple[int, str]] = {
    "empty": (400, "image-empty"),
    "format": (415, "image-format"),
    "truncated": (422, "image-truncated"),
    "corrupt": (422, "image-corrupt"),
    "pixels": (413, "image-too-many-pixels"),
    "dicom-invalid": (422, "dicom-invalid"),
    "dicom-unsupported": (415, "dicom-unsupported"),
}
ENDINGS = ("png", "jpg", "gif", "txt", "dcm", "php")
ODD = {f"{kind} PNG": body for kind, body in pngs.odd().items()} | {
    f"{kind} JPEG": body for kind, body in jpegs.odd().items()
}


@pytest.fixture(scope="module")
def corpus() -> list[Case]:
    return list(chain(pngs.broken(), jpegs.broken(), others.broken(), dicoms.broken()))


@pytest.fixture(scope="module")
def bounded(model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway that decodes images of up to a million pixels in two threads, and logs no line for a request."""
    settings = {"max_pixels": str(LIMIT), "decode_threads": "2", "log_level": "warning"}
    with serving_gateway(model_server.target, tmp_path_factory.mktemp("bounded"), **settings) as gateway:
        yield gateway


def peak(gateway: Gateway) -> int:
    """Return the most memory that the gateway's processes ever had, bytes."""
    main = psutil.Process(gateway.running.process.pid)
    lines = [
        line
        for process in (main, *main.children(recursive=True))
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return sum(int(line.split()[1]) * 1024 for line in lines)


async def post_all(url: str, corpus: list[Case]) -> list[httpx.Response]:
    """Post every file, raw or as a form with an ending that means nothing, 16 at a time; one that hangs fails."""
    room = asyncio.Semaphore(16)
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:

        async def post(number: int, case: Case) -> httpx.Response:
            async with room:
                if number % 3:
                    return await client.post("/predict", content=case.body)
                name = f"image.{ENDINGS[number % len(ENDINGS)]}"
                return await client.post("/predict", files={"file": (name, case.body)})

        return await asyncio.gather(*(post(number, case) for number, case in enumerate(corpus)))


def right(case: Case) -> tuple[int, str] | list[float]:
    """Return what a file must be answered with: a status and a problem's name, or the model's numbers."""
    try:
        array = read_row(case.body, SPEC, LIMIT)
    except ImageError as error:
        return NAMES[error.reason]
    return [float(value) for value in expected(array, 1)]


def given(reply: httpx.Response) -> tuple[int, str] | list[float]:
    """Return what a file was answered with."""
    if reply.status_code == httpx.codes.OK:
        return list(reply.json()["probabilities"].values())
    problem = reply.json()
    assert reply.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["type"]) == (reply.status_code, "/problems/" + problem["type"][10:])
    return reply.status_code, problem["type"].removeprefix("/problems/")


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # as `gateway.logs` has it
async def test_every_broken_file_is_refused_and_costs_no_more_than_a_good_one(
    bounded: Gateway, corpus: list[Case]
) -> None:
    """
    2,000 files and more: each is a documented 4xx, or an image to the trainer's decoder too and answered as such; none
    hangs, memory stays bounded, and the gateway goes on answering.
    """
    good = [Case("good", png(pixels(seed)), "valid") for seed in range(40)]
    await post_all(bounded.url, good)
    before = peak(bounded)

    replies = await post_all(bounded.url, corpus)

    wrong = [
        (case.name, given(reply), right(case))
        for case, reply in zip(corpus, replies, strict=True)
        if given(reply) != pytest.approx(right(case), abs=1e-5)
    ]
    assert not wrong
    accepted = Counter(
        (case.verdict, reply.status_code == httpx.codes.OK) for case, reply in zip(corpus, replies, strict=True)
    )
    assert accepted["refused", True] == accepted["valid", False] == 0
    assert sum(reply.is_client_error for reply in replies) > 2000
    assert {given(reply)[1] for reply in replies if reply.is_error} <= documented().keys()
    assert peak(bounded) - before < MARGIN
    assert all(reply.is_success for reply in await post_all(bounded.url, good))


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_a_valid_but_odd_image_is_answered_for_the_trainers_array(bounded: Gateway, body: bytes) -> None:
    """The trainer reads its images by the same function; the model says here what it was given."""
    reply = httpx.post(f"{bounded.url}/predict", content=body)

    assert given(reply) == pytest.approx(right(Case("odd", body, "valid")), abs=1e-5)


@pytest.mark.parametrize("kind", pngs.odd())
def test_a_valid_but_odd_png_is_what_pillow_reads(kind: str) -> None:
    """An independent decoder gives the same picture; what is transparent it shows over black as well."""
    body = pngs.odd()[kind]
    image: Image.Image = Image.open(io.BytesIO(body))
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    clear = image.convert("RGBA")
    shown = Image.alpha_composite(Image.new("RGBA", clear.size, "black"), clear).convert("RGB")

    assert np.abs(decode(body, COLOUR, LIMIT).astype(int) - np.asarray(shown)).max() <= 1


def test_a_progressive_jpeg_is_the_picture_it_was_made_of() -> None:
    """Five grey levels for each row, from nothing at the top to 235 at the bottom, but for a square to the right."""
    decoded = decode(jpegs.progressive(), ImageSpec("L", 48, 40, "bilinear"), LIMIT)[:, :24, 0]

    assert np.abs(decoded - 5.0 * np.arange(48)[:, np.newaxis]).max() <= 12


def test_no_image_makes_the_log_grow(bounded: Gateway) -> None:
    """What a decoder has to say of a file is not worth a line: clients could fill a disk with it."""
    before = bounded.running.output()

    for body in (*ODD.values(), *dicoms.odd().values(), b"no", png(pixels(1))[:-9]):
        httpx.post(f"{bounded.url}/predict", content=body)

    assert bounded.running.output() == before
